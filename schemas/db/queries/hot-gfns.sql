-- title: Guest frames whose entries were written most
-- description: The frames with the most table writes to entries that begin at them, and how these divide into setting, changing and clearing.
-- param run run = (SELECT min(run) FROM run): Which run.
-- param top integer = 20: How many.
WITH hot AS (
  SELECT gfn, count(*) AS writes FROM table_write WHERE run = :run GROUP BY gfn ORDER BY writes DESC, gfn LIMIT :top
)
SELECT
  printf('0x%x', hot.gfn) AS gfn_hex, hot.writes,
  sum(w.old_kind IN ('none', 'removed') AND w.new_kind NOT IN ('none', 'removed')) AS set_writes,
  sum(w.old_kind NOT IN ('none', 'removed') AND w.new_kind NOT IN ('none', 'removed')) AS change_writes,
  sum(w.old_kind NOT IN ('none', 'removed') AND w.new_kind IN ('none', 'removed')) AS clear_writes,
  sum(w.actor = 'hardware') AS hardware_writes,
  min(w.level) AS lowest_level, max(w.level) AS highest_level, min(w.ordinal) AS first_ordinal, max(w.ordinal) AS last_ordinal
FROM hot
JOIN table_write AS w ON w.run = :run AND w.gfn = hot.gfn
GROUP BY hot.gfn
ORDER BY hot.writes DESC, hot.gfn;
