-- title: Two runs side by side
-- description: Exits by reason, faults by outcome, table writes by level and function, and counters of two runs, with the difference.
--   Reads summaries only, so it is instant on any size; `replay diff` aligns the two event by event.
-- param a run: The first run.
-- param b run: The second run.
-- answer: kind, name, a, b, difference
-- empty: neither run has an exit, a fault or a write.
WITH side (kind, name, run, value) AS (
  SELECT 'exits', reason, run, exits FROM exit_summary
  UNION ALL
  SELECT 'faults', outcome, run, faults FROM fault_summary
  UNION ALL
  SELECT 'writes', 'level ' || level || ' ' || function, run, writes FROM write_summary
  UNION ALL
  SELECT 'counter', name, run, value FROM counter
  WHERE name IN ('faults', 'guest_faults', 'pages_create', 'pages_zap', 'table_writes', 'tlb_flushes', 'vm_exits', 'walk_references', 'walks')
)
SELECT
  kind, name,
  sum(CASE WHEN run = :a THEN value ELSE 0 END) AS a,
  sum(CASE WHEN run = :b THEN value ELSE 0 END) AS b,
  sum(CASE WHEN run = :b THEN value ELSE 0 END) - sum(CASE WHEN run = :a THEN value ELSE 0 END) AS difference
FROM side
WHERE run IN (:a, :b)
GROUP BY kind, name
HAVING a <> 0 OR b <> 0
ORDER BY kind = 'counter' DESC, kind, CASE WHEN a > b THEN a ELSE b END DESC, name;
