-- title: Why pages fault again
-- description: Leaf entries that faults set, divided by what had become of the entry's last one: it was never there (first mapping), or what took it
--   away, or it is there still in another table (which maps the frame as well, or whose root was replaced), or the trace does not show how
--   it went. `who-zapped` tells the story of one frame, `refault-storms` names the pages. Of a trace, and of a run that was stored before schema 12, it reads all writes.
-- param run run = first: Which run.
-- answer: why, by_function, mappings, faults, frames, by_chain
-- needs: faults
-- empty: no fault set a leaf.
WITH leaf AS (
  SELECT
    w.ordinal, w.gfn, w.table_id, w.fault_id, w.old_kind, w.new_kind, lag(w.table_id) OVER entry AS last_table, lag(w.old_kind) OVER entry AS last_old,
    lag(w.new_kind) OVER entry AS last_new, lag(w.chain_id) OVER entry AS last_chain
  FROM run AS r CROSS JOIN table_write AS w
  WHERE r.run = :run AND w.run = r.run AND NOT EXISTS (SELECT 1 FROM refault_summary AS s WHERE s.run = r.run) AND w.actor = 'kvm' AND w.gfn IS NOT NULL
  WINDOW entry AS (PARTITION BY +w.gfn, w.level ORDER BY w.seq)
),
cause AS (
  SELECT
    CASE
      WHEN last_new IS NULL THEN 'first mapping'
      WHEN last_old IN ('page', 'huge', 'mmio') AND last_new NOT IN ('page', 'huge', 'mmio') THEN 'was taken away'
      WHEN last_new IN ('page', 'huge') AND last_table <> table_id THEN 'is in another table: shared, or replaced'
      WHEN last_new IN ('page', 'huge') THEN 'how it went is not shown'
      ELSE 'was ' || last_new
    END AS why,
    CASE WHEN last_new NOT IN ('page', 'huge') THEN last_chain END AS chain_id,
    count(*) AS mappings, count(DISTINCT fault_id) AS faults, count(DISTINCT gfn) AS frames, min(ordinal) AS first_ordinal, max(ordinal) AS last_ordinal
  FROM leaf
  WHERE fault_id IS NOT NULL AND new_kind IN ('page', 'huge') AND old_kind NOT IN ('page', 'huge')
  GROUP BY 1, 2
)
SELECT why, by_function, by_chain, mappings, faults, frames, first_ordinal, last_ordinal
FROM refault_summary
WHERE run = :run AND mappings > 0
UNION ALL
SELECT why, c.function, c.path, mappings, faults, frames, first_ordinal, last_ordinal
FROM cause
LEFT JOIN chain AS c ON c.run = :run AND c.chain_id = cause.chain_id
ORDER BY mappings DESC, why, by_chain;
