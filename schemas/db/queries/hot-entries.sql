-- title: Entries written most
-- description: The table entries with the most writes. Reads the list of a thousand that was kept while the run was stored.
--   `why-entry` tells the history of one.
-- param run run = first: Which run.
-- param top integer = 20: How many, at most 1000.
-- answer: table_id, level, idx, writes, gfn_hex
-- needs: table_write.leaves_set
-- empty: no entry was written.
SELECT
  h.table_id, p.level, h.idx, h.writes,
  (SELECT w.gfn_hex FROM table_write AS w WHERE w.run = h.run AND w.table_id = h.table_id AND w.idx = h.idx ORDER BY w.ordinal, w.seq LIMIT 1) AS gfn_hex,
  (SELECT min(w.ordinal) FROM table_write AS w WHERE w.run = h.run AND w.table_id = h.table_id AND w.idx = h.idx) AS first_ordinal,
  (SELECT max(w.ordinal) FROM table_write AS w WHERE w.run = h.run AND w.table_id = h.table_id AND w.idx = h.idx) AS last_ordinal
FROM (SELECT * FROM hot_entry WHERE run = :run ORDER BY writes DESC, table_id, idx LIMIT :top) AS h
LEFT JOIN table_page AS p ON p.run = h.run AND p.table_id = h.table_id
ORDER BY h.writes DESC, h.table_id, h.idx;
