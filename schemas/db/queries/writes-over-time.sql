-- title: Table writes by level and function over time
-- description: The run in equal stretches of trace events, and in each the table writes of every function at every level.
--   Reads the counts that were kept while the run was stored; a step is a whole number of their stretches.
-- param run run = first: Which run.
-- param steps integer = 20: How many steps, at most.
-- answer: from_ordinal, level, function, writes
-- needs: table_write.leaves_set
-- empty: no entry was written.
WITH span AS (
  SELECT
    stretch AS width, coalesce(first_ordinal, 0) / stretch AS start,
    (coalesce(last_ordinal, 0) / stretch - coalesce(first_ordinal, 0) / stretch) / CASE WHEN :steps < 1 THEN 1 ELSE :steps END + 1 AS merged
  FROM run WHERE run = :run AND stretch IS NOT NULL
)
SELECT
  (start + (a.first_ordinal / width - start) / merged * merged) * width AS from_ordinal,
  (start + ((a.first_ordinal / width - start) / merged + 1) * merged) * width - 1 AS to_ordinal,
  a.level, a.name AS function, sum(a.count) AS writes
FROM activity AS a, span
WHERE a.run = :run AND a.kind = 'write'
GROUP BY 1, 2, a.level, a.name
ORDER BY 1, a.level DESC, writes DESC, a.name;
