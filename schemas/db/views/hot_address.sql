-- The thousand pages with the most faults: counted while they were stored.
CREATE VIEW hot_address (
  run,           -- integer > run.run: Which run.
  address,       -- address: First address of the 4 KiB page, of the kind that `fault.address` is.
  address_hex,   -- hex: The same.
  faults,        -- integer: Faults on it.
  fixed,         -- integer: Of them, those that KVM fixed by mapping; all beyond the first are refaults.
  spurious,      -- integer: Those that found the entry in order already.
  emulated,      -- integer: Those that led to emulation of the instruction: devices, and stores to shadowed tables.
  writes,        -- integer: Table writes made in all of them.
  shortest,      -- integer: Fewest ordinals between two that KVM fixed, NULL where there were not two.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT run, address, printf('0x%x', address), faults, fixed, spurious, emulated, writes, shortest, first_ordinal, last_ordinal
FROM _hot_address;
