-- title: Memory held by tables over time
-- description: Table pages and bytes at the end of each of equal stretches of the run, by level, and the most that were held at once in the stretch.
--   Reads the counts that were kept while the run was stored; a step is a whole number of their stretches.
-- param run run = first: Which run.
-- param steps integer = 20: How many steps, at most.
-- answer: until_ordinal, pages, bytes, most_pages
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
change AS (
  SELECT
    (m.first_ordinal / width - start) / merged AS n, m.level, m.most,
    m.held - lag(m.held, 1, 0) OVER (PARTITION BY m.level ORDER BY m.first_ordinal) AS delta
  FROM table_memory AS m, span
  WHERE m.run = :run
),
stepped AS (
  SELECT
    n, max(most) FILTER (WHERE level = 0) AS most,
    sum(delta) FILTER (WHERE level = 0) AS pages, sum(delta) FILTER (WHERE level = 1) AS level_1, sum(delta) FILTER (WHERE level = 2) AS level_2,
    sum(delta) FILTER (WHERE level = 3) AS level_3, sum(delta) FILTER (WHERE level >= 4) AS level_4_and_up
  FROM change
  GROUP BY n
),
held AS (
  SELECT
    step.n, most, sum(coalesce(pages, 0)) OVER before AS pages, sum(coalesce(level_1, 0)) OVER before AS level_1,
    sum(coalesce(level_2, 0)) OVER before AS level_2, sum(coalesce(level_3, 0)) OVER before AS level_3,
    sum(coalesce(level_4_and_up, 0)) OVER before AS level_4_and_up
  FROM step LEFT JOIN stepped USING (n)
  WINDOW before AS (ORDER BY step.n)
)
SELECT
  (start + (n + 1) * merged) * width - 1 AS until_ordinal, pages, pages * 4096 AS bytes, level_1, level_2, level_3, level_4_and_up,
  coalesce(most, pages) AS most_pages
FROM held CROSS JOIN span
ORDER BY n;
