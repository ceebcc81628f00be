-- title: Memory held by tables over time
-- description: Table pages and bytes at the end of each of equal stretches of the run, by level, and the most that were held at once in the stretch.
-- param run run = (SELECT min(run) FROM run): Which run.
-- param steps integer = 20: How many stretches.
WITH RECURSIVE span AS (
  SELECT coalesce(first_ordinal, 0) AS first, (coalesce(last_ordinal, 0) - coalesce(first_ordinal, 0)) / :steps + 1 AS width FROM run WHERE run = :run
),
step (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM step WHERE n + 1 < :steps),
change AS (
  SELECT created_ordinal AS ordinal, created_seq AS seq, level, 1 AS delta FROM table_page WHERE run = :run AND NOT special
  UNION ALL
  SELECT freed_ordinal, freed_seq, level, -1 FROM table_page WHERE run = :run AND freed_seq IS NOT NULL AND NOT special
),
held AS (
  SELECT (change.ordinal - span.first) / span.width AS n, seq, sum(delta) OVER (ORDER BY change.ordinal, seq) AS pages FROM change, span
),
peak AS (SELECT n, max(pages) AS pages FROM held GROUP BY n),
at_end AS (
  SELECT
    step.n,
    coalesce(sum(change.delta), 0) AS pages,
    coalesce(sum(change.delta) FILTER (WHERE change.level = 1), 0) AS level_1,
    coalesce(sum(change.delta) FILTER (WHERE change.level = 2), 0) AS level_2,
    coalesce(sum(change.delta) FILTER (WHERE change.level = 3), 0) AS level_3,
    coalesce(sum(change.delta) FILTER (WHERE change.level >= 4), 0) AS level_4_and_up
  FROM step CROSS JOIN span LEFT JOIN change ON change.ordinal < span.first + (step.n + 1) * span.width
  GROUP BY step.n
)
SELECT
  span.first + (at_end.n + 1) * span.width - 1 AS until_ordinal, at_end.pages, at_end.pages * 4096 AS bytes,
  level_1, level_2, level_3, level_4_and_up,
  max(coalesce(lag(at_end.pages) OVER (ORDER BY at_end.n), 0), coalesce(peak.pages, 0), at_end.pages) AS most_pages
FROM at_end
CROSS JOIN span
LEFT JOIN peak ON peak.n = at_end.n
ORDER BY at_end.n;
