-- The thousand tables that were written most, and the thousand that went out of sync most: counted while they were stored.
CREATE VIEW hot_table (
  run,      -- integer > run.run: Which run.
  table_id, -- integer > table_page.table_id: The table.
  writes,   -- integer: Writes to its entries.
  finds,    -- integer: How often it was found again in the page cache.
  unsyncs,  -- integer: How often the guest was allowed to write the table it shadows unnoticed.
  syncs     -- integer: How often it was made to agree with the guest's table again.
) AS
SELECT run, table_id, writes, finds, unsyncs, syncs
FROM _hot_table;
