-- How many operations on table pages of each sort: counted while they were stored.
CREATE VIEW page_summary (
  run,           -- integer > run.run: Which run.
  operation,     -- text: `create`, `find`, `zap`, `sync`, `unsync`, `free`, as in `page_operation`.
  level,         -- integer: Level of the pages.
  function,      -- text: The function.
  chain,         -- text: All functions on the way to it.
  operations,    -- integer: How many.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run,
  CASE operation WHEN 1 THEN 'create' WHEN 2 THEN 'find' WHEN 3 THEN 'zap' WHEN 4 THEN 'sync' WHEN 5 THEN 'unsync' WHEN 6 THEN 'free' ELSE CAST(operation AS TEXT) END,
  level,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  operations, first_ordinal, last_ordinal
FROM _page_tally AS o;
