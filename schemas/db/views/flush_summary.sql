-- How many TLB flushes of each sort: counted while they were stored.
CREATE VIEW flush_summary (
  run,           -- integer > run.run: Which run.
  kind,          -- text: `remote`, `remote_range`, `current`, `guest`, `gva`, `all`, as in `tlb_flush`.
  function,      -- text: The function.
  chain,         -- text: All functions on the way to it.
  flushes,       -- integer: How many.
  pages,         -- integer: 4 KiB pages of all `remote_range` flushes together.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run,
  CASE kind WHEN 1 THEN 'remote' WHEN 2 THEN 'remote_range' WHEN 3 THEN 'current' WHEN 4 THEN 'guest' WHEN 5 THEN 'gva' WHEN 6 THEN 'all' ELSE CAST(kind AS TEXT) END,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  flushes, pages, first_ordinal, last_ordinal
FROM _flush_tally AS o;
