-- The guest's accesses that left a trace in the history: they exited, faulted, or made the CPU set bits in a table.
--
-- All other accesses met entries that already allowed them; they are in the capture, not here. An access joins to what it caused by `run` and `ordinal`.
CREATE VIEW access (
  run,        -- integer > run.run: Which run.
  ordinal,    -- integer: The access's place in the capture.
  vcpu,       -- integer: The vCPU.
  kind,       -- text: `read`, `write` or `fetch`.
  user,       -- boolean: Made at CPL 3.
  implicit,   -- boolean: Made by the CPU itself: descriptor tables, TSS, exception frames.
  mmio,       -- boolean: The source saw it reach a device.
  gva,        -- address: Guest-virtual address.
  gva_hex,    -- hex: The same.
  gpa,        -- address: Guest-physical address as the capture has it; NULL where it has none.
  gpa_hex,    -- hex: The same.
  size,       -- integer: Bytes touched.
  value,      -- address: What was stored, where the capture has it (stores to page tables), else NULL.
  value_hex,  -- hex: The same.
  rip,        -- address: The instruction's address, 0 where the capture has none.
  rip_hex,    -- hex: The same.
  guest       -- text: Whose access: `L1`, or `L2`: a guest of the guest. NULL: not known.
) AS
SELECT
  run, ordinal, vcpu,
  CASE kind WHEN 0 THEN 'read' WHEN 1 THEN 'write' WHEN 2 THEN 'fetch' ELSE CAST(kind AS TEXT) END,
  flags & 1, flags >> 2 & 1, flags >> 3 & 1,
  gva, printf('0x%x', gva),
  gpa, CASE WHEN gpa IS NOT NULL THEN printf('0x%x', gpa) END,
  size,
  value, CASE WHEN value IS NOT NULL THEN printf('0x%x', value) END,
  rip, printf('0x%x', rip),
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END
FROM _access;
