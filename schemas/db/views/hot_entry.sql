-- The thousand table entries that were written most: counted while they were stored.
CREATE VIEW hot_entry (
  run,      -- integer > run.run: Which run.
  table_id, -- integer > table_page.table_id: The table.
  idx,      -- integer: Which entry, 0 to 511.
  writes    -- integer: Writes to it.
) AS
SELECT run, table_id, idx, writes
FROM _hot_entry;
