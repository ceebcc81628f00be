-- Loads of CR3 by the guest: what tells its processes apart. A row holds for its vCPU until the next one.
--
-- A modelled run has what its capture has. An observed run has what `kvm_cr` shows, or the field `cr3` of a probe: with EPT and NPT a load makes
-- no exit, so that without probes there are no rows.
CREATE VIEW guest_cr3 (
  run,     -- integer > run.run: Which run.
  vcpu,    -- integer: The vCPU.
  ordinal, -- integer: The trace event from which on it holds.
  cr3,     -- address: The page tables: without the PCID and the bit that keeps translations.
  cr3_hex, -- hex: The same.
  pcid     -- integer: Its lowest 12 bits: the PCID where the guest uses them, else PWT and PCD.
) AS
SELECT run, vcpu, ordinal, value & 0x000ffffffffff000, printf('0x%x', value & 0x000ffffffffff000), value & 4095
FROM _guest_cr3;
