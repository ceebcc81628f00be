-- title: What happened when
-- description: The run in equal stretches of trace events: exits, faults, table writes, pages made and zapped, flushes, guest faults in each.
-- param run run = (SELECT min(run) FROM run): Which run.
-- param steps integer = 20: How many stretches.
WITH RECURSIVE span AS (
  SELECT coalesce(first_ordinal, 0) AS first, (coalesce(last_ordinal, 0) - coalesce(first_ordinal, 0)) / :steps + 1 AS width FROM run WHERE run = :run
),
step (from_ordinal, to_ordinal, n) AS (
  SELECT first, first + width - 1, 1 FROM span
  UNION ALL
  SELECT step.from_ordinal + width, step.to_ordinal + width, n + 1 FROM step, span WHERE n < :steps
)
SELECT
  from_ordinal, to_ordinal,
  (SELECT count(*) FROM vm_exit AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal) AS exits,
  (SELECT count(*) FROM fault AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal) AS faults,
  (SELECT count(*) FROM table_write AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal) AS writes,
  (SELECT count(*) FROM page_operation AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal AND x.operation = 'create') AS pages_created,
  (SELECT count(*) FROM page_operation AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal AND x.operation = 'zap') AS pages_zapped,
  (SELECT count(*) FROM tlb_flush AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal) AS flushes,
  (SELECT count(*) FROM guest_fault AS x WHERE x.run = :run AND x.ordinal BETWEEN from_ordinal AND to_ordinal) AS guest_faults
FROM step;
