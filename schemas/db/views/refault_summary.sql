-- The leaf entries that faults set, divided by what had become of the entry's last one: counted while they were stored.
--
-- An entry is that of a frame and a level, whichever table has it. Runs of traces, and those that a version before schema 12 stored, have no rows here (`@refaults` counts them anew); all others have `first mapping`.
CREATE VIEW refault_summary (
  run,           -- integer > run.run: Which run.
  why,           -- text: `first mapping`; `was taken away`; `is in another table: shared, or replaced`; `how it went is not shown`; `was` and a kind as in `table_write.new_kind`.
  by_function,   -- text: The function that wrote the entry last, where that took the mapping away, else NULL.
  by_chain,      -- text: All functions on the way to it.
  mappings,      -- integer: Entries set.
  faults,        -- integer: Faults that set them.
  frames,        -- integer: Guest frames concerned.
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run,
  CASE why
    WHEN 0 THEN 'first mapping' WHEN 1 THEN 'was taken away' WHEN 2 THEN 'is in another table: shared, or replaced' WHEN 3 THEN 'how it went is not shown'
    ELSE 'was ' || CASE why - 16
      WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
      ELSE 'other' END
  END,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  mappings, faults, frames, first_ordinal, last_ordinal
FROM _refault_tally AS o;
