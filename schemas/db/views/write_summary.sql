-- How many table writes of each sort: counted while they were stored, so a report needs no scan of `table_write`.
--
-- The sums equal the rows of `table_write` when `run.detail` is `all`, and are there with every other detail too.
CREATE VIEW write_summary (
  run,           -- integer > run.run: Which run.
  level,         -- integer: Level of the table, 1 (PT) to 5 (PML5).
  actor,         -- text: `kvm` or `hardware`.
  function,      -- text: The function that wrote.
  chain,         -- text: All functions on the way to it.
  old_kind,      -- text: What the old value was, as in `table_write`.
  new_kind,      -- text: What the new value is.
  changes,       -- text: For an entry that maps a page before and after: what changed, letters of `rwxad` with + or -, and `frame`; '' where nothing did, NULL for others.
  traced,        -- boolean: A real kernel's tracepoints show such a write.
  writes,        -- integer: How many.
  first_ordinal, -- integer: The trace event of the first.
  first_seq,     -- integer: Place in the run's history of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run, level, CASE actor WHEN 0 THEN 'kvm' ELSE 'hardware' END,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = w.run AND c.chain_id = w.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = w.run AND c.chain_id = w.chain_id),
  CASE old_kind
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  CASE new_kind
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  CASE WHEN old_kind IN (4, 5) AND new_kind IN (4, 5) THEN trim(
    CASE changes >> 9 & 1 WHEN 1 THEN '-r' ELSE '' END || CASE changes >> 10 & 1 WHEN 1 THEN '+r' ELSE '' END
    || CASE changes & 1 WHEN 1 THEN '-w' ELSE '' END || CASE changes >> 1 & 1 WHEN 1 THEN '+w' ELSE '' END
    || CASE changes >> 2 & 1 WHEN 1 THEN '-x' ELSE '' END || CASE changes >> 3 & 1 WHEN 1 THEN '+x' ELSE '' END
    || CASE changes >> 4 & 1 WHEN 1 THEN '+a' ELSE '' END || CASE changes >> 5 & 1 WHEN 1 THEN '-a' ELSE '' END
    || CASE changes >> 6 & 1 WHEN 1 THEN '+d' ELSE '' END || CASE changes >> 7 & 1 WHEN 1 THEN '-d' ELSE '' END
    || CASE changes >> 8 & 1 WHEN 1 THEN ' frame' ELSE '' END) END,
  tracepoint <> 0, writes, first_ordinal, first_seq, last_ordinal
FROM _write_tally AS w;
