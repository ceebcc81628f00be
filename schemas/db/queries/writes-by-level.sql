-- title: Table writes by level and function
-- description: Where each level of the tables was written, by which function, what kind of change it was, when first and when last.
--   Reads the summary that was kept while the writes were stored, so it is instant on any size.
-- param run run = every: Which run.
-- answer: run, level, table_name, function, change, writes
-- needs: table_write.leaves_set
-- empty: no entry was written.
SELECT
  r.name AS run,
  s.level,
  CASE s.level WHEN 1 THEN 'PT' WHEN 2 THEN 'PD' WHEN 3 THEN 'PDPT' WHEN 4 THEN 'PML4' WHEN 5 THEN 'PML5' END AS table_name,
  s.function,
  s.old_kind || ' -> ' || s.new_kind AS change,
  sum(s.writes) AS writes,
  sum(s.writes * s.traced) AS shown_by_ftrace,
  min(s.first_ordinal) AS first_ordinal,
  max(s.last_ordinal) AS last_ordinal
FROM write_summary AS s
JOIN run AS r ON r.run = s.run
WHERE :run IS NULL OR s.run = :run
GROUP BY s.run, r.name, s.level, s.function, s.old_kind, s.new_kind
ORDER BY s.run, s.level DESC, writes DESC, s.function, change;
