-- title: Entries written most
-- description: The table entries with the most writes. `why-entry` tells the history of one.
-- param run run = (SELECT min(run) FROM run): Which run.
-- param top integer = 20: How many.
WITH hot AS (
  SELECT table_id, idx, count(*) AS writes FROM table_write WHERE run = :run GROUP BY table_id, idx ORDER BY writes DESC, table_id, idx LIMIT :top
)
SELECT hot.table_id, p.level, hot.idx, hot.writes, min(w.ordinal) AS first_ordinal, max(w.ordinal) AS last_ordinal, w.gfn_hex
FROM hot
JOIN table_page AS p ON p.run = :run AND p.table_id = hot.table_id
JOIN table_write AS w ON w.run = :run AND w.table_id = hot.table_id AND w.idx = hot.idx
GROUP BY hot.table_id, hot.idx
ORDER BY hot.writes DESC, hot.table_id, hot.idx;
