-- The KVM functions that the model names, in the kernel's spelling.
CREATE VIEW function (
  function, -- integer: Number of the function; 0 is the hardware.
  name      -- text: Name in Linux's sources, such as `__link_shadow_page`; `hardware` for the CPU's page walker.
) AS
SELECT function, name FROM _function;
