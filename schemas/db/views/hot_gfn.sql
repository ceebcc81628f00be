-- The thousand guest frames whose entries were written most: counted while they were stored.
CREATE VIEW hot_gfn (
  run,             -- integer > run.run: Which run.
  gfn,             -- integer: The guest frame: first frame that the entries translate.
  gfn_hex,         -- hex: The same.
  writes,          -- integer: Writes to entries that begin at it, at all levels.
  set_writes,      -- integer: Of them, those that filled an empty entry.
  change_writes,   -- integer: Those that changed one.
  clear_writes,    -- integer: Those that emptied one.
  hardware_writes, -- integer: Those that the CPU's page walker made.
  lowest_level,    -- integer: Lowest level of the entries.
  highest_level    -- integer: Highest level of the entries.
) AS
SELECT run, gfn, printf('0x%x', gfn), writes, set_writes, change_writes, clear_writes, hardware_writes, lowest_level, highest_level
FROM _hot_gfn;
