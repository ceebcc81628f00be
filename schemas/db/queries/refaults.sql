-- title: Why pages fault again
-- description: Leaf entries that faults set, divided by what had become of the entry's last one: it was never there (first mapping), or what took it
--   away, or it is there still in another table (its tables were replaced: a memslot, a root), or the trace does not show how it went.
--   `who-zapped` tells the story of one frame, `refault-storms` names the pages.
-- param run run = (SELECT run FROM run ORDER BY json_extract(options, '$.companion_of') IS NULL, run LIMIT 1): Which run; a companion before others.
WITH leaf AS (
  SELECT
    w.run, w.ordinal, w.seq, w.level, w.gfn, w.table_id, w.fault_id,
    (SELECT max(b.seq) FROM table_write AS b WHERE b.run = w.run AND b.gfn = w.gfn AND b.level = w.level AND b.seq < w.seq AND b.actor = 'kvm') AS before
  FROM table_write AS w
  WHERE w.run = :run AND w.fault_id IS NOT NULL AND w.new_kind IN ('page', 'huge') AND w.old_kind NOT IN ('page', 'huge')
)
SELECT
  CASE
    WHEN l.before IS NULL THEN 'first mapping'
    WHEN b.old_kind IN ('page', 'huge', 'mmio') AND b.new_kind NOT IN ('page', 'huge', 'mmio') THEN 'was taken away'
    WHEN b.new_kind IN ('page', 'huge') AND b.table_id <> l.table_id THEN 'is in tables that were replaced'
    WHEN b.new_kind IN ('page', 'huge') THEN 'how it went is not shown'
    ELSE 'was ' || b.new_kind
  END AS why,
  CASE WHEN b.new_kind NOT IN ('page', 'huge') THEN b.function END AS by_function,
  CASE WHEN b.new_kind NOT IN ('page', 'huge') THEN b.chain END AS by_chain,
  count(*) AS mappings, count(DISTINCT l.fault_id) AS faults, count(DISTINCT l.gfn) AS frames, min(l.ordinal) AS first_ordinal, max(l.ordinal) AS last_ordinal
FROM leaf AS l
LEFT JOIN table_write AS b ON b.run = l.run AND b.gfn = l.gfn AND b.level = l.level AND b.seq = l.before
GROUP BY 1, 2, 3
ORDER BY mappings DESC, why, by_chain;
