-- title: Guest frames whose entries were written most
-- description: The frames with the most table writes to entries that begin at them, and how these divide into setting, changing and clearing.
--   Reads the list of a thousand that was kept while the run was stored. `why-gfn` tells the history of one.
-- param run run = first: Which run.
-- param top integer = 20: How many, at most 1000.
-- answer: gfn_hex, writes, set_writes, change_writes, clear_writes, hardware_writes
-- needs: table_write.leaves_set
-- empty: no entry was written.
SELECT
  h.gfn_hex, h.writes, h.set_writes, h.change_writes, h.clear_writes, h.hardware_writes, h.lowest_level, h.highest_level,
  (SELECT min(w.ordinal) FROM table_write AS w WHERE w.run = h.run AND w.gfn = h.gfn) AS first_ordinal,
  (SELECT max(w.ordinal) FROM table_write AS w WHERE w.run = h.run AND w.gfn = h.gfn) AS last_ordinal
FROM (SELECT * FROM hot_gfn WHERE run = :run ORDER BY writes DESC, gfn LIMIT :top) AS h
ORDER BY h.writes DESC, h.gfn;
