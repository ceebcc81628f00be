-- title: What happened when
-- description: The run in equal stretches of trace events: exits, faults, table writes, pages made and zapped, flushes, guest faults in each.
--   Reads the counts that were kept while the run was stored, so it is instant on any size; a step is a whole number of their stretches.
-- param run run = first: Which run.
-- param steps integer = 20: How many steps, at most.
-- answer: from_ordinal, exits, faults, writes, flushes
-- empty: the run has no trace event.
WITH RECURSIVE span AS (
  SELECT
    stretch AS width, coalesce(first_ordinal, 0) / stretch AS start,
    (coalesce(last_ordinal, 0) / stretch - coalesce(first_ordinal, 0) / stretch) / CASE WHEN :steps < 1 THEN 1 ELSE :steps END + 1 AS merged
  FROM run WHERE run = :run AND stretch IS NOT NULL
),
step (n) AS (
  SELECT 0 UNION ALL SELECT n + 1 FROM step, span
  WHERE n + 1 < :steps AND (n + 1) * merged + start <= (SELECT last_ordinal FROM run WHERE run = :run) / width
),
counted AS (
  SELECT
    (a.first_ordinal / width - start) / merged AS n,
    sum(a.count) FILTER (WHERE a.kind = 'exit') AS exits,
    sum(a.count) FILTER (WHERE a.kind = 'fault') AS faults,
    sum(a.count) FILTER (WHERE a.kind = 'write') AS writes,
    sum(a.count) FILTER (WHERE a.kind = 'page' AND a.name = 'create') AS pages_created,
    sum(a.count) FILTER (WHERE a.kind = 'page' AND a.name = 'zap') AS pages_zapped,
    sum(a.count) FILTER (WHERE a.kind = 'flush') AS flushes,
    sum(a.count) FILTER (WHERE a.kind = 'guest_fault') AS guest_faults
  FROM activity AS a, span
  WHERE a.run = :run
  GROUP BY 1
)
SELECT
  (start + n * merged) * width AS from_ordinal, (start + (n + 1) * merged) * width - 1 AS to_ordinal,
  coalesce(exits, 0) AS exits, coalesce(faults, 0) AS faults, coalesce(writes, 0) AS writes, coalesce(pages_created, 0) AS pages_created,
  coalesce(pages_zapped, 0) AS pages_zapped, coalesce(flushes, 0) AS flushes, coalesce(guest_faults, 0) AS guest_faults
FROM step CROSS JOIN span LEFT JOIN counted USING (n)
ORDER BY n;
