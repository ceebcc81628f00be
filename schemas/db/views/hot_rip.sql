-- The thousand instructions with the most faults: counted while they were stored.
CREATE VIEW hot_rip (
  run,           -- integer > run.run: Which run.
  rip,           -- address: The instruction, 0: those whose address the capture has not.
  rip_hex,       -- hex: The same.
  faults,        -- integer: Faults of it.
  fixed,         -- integer: Of them, those that KVM fixed by mapping.
  emulated,      -- integer: Those that led to emulation.
  writes,        -- integer: Table writes made in all of them.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT run, rip, printf('0x%x', rip), faults, fixed, emulated, writes, first_ordinal, last_ordinal
FROM _hot_rip;
