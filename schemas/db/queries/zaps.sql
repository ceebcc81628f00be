-- title: Zaps and their victims
-- description: Table pages zapped (victim table) and mappings taken away (victims page, huge, mmio), by the call chain that did it.
--   `zap-victims` lists what one event took away.
-- param run run = every: Which run.
-- answer: run, victim, level, chain, count
-- needs: table_write.clears
-- empty: nothing was zapped.
SELECT r.name AS run, 'table' AS victim, o.level, o.function, o.chain, o.operations AS count, o.first_ordinal, o.last_ordinal
FROM page_summary AS o
JOIN run AS r ON r.run = o.run
WHERE o.operation = 'zap' AND (:run IS NULL OR o.run = :run)
UNION ALL
SELECT r.name, s.old_kind, s.level, s.function, s.chain, sum(s.writes), min(s.first_ordinal), max(s.last_ordinal)
FROM write_summary AS s
JOIN run AS r ON r.run = s.run
WHERE s.old_kind IN ('page', 'huge', 'mmio') AND s.new_kind IN ('none', 'removed') AND (:run IS NULL OR s.run = :run)
GROUP BY s.run, r.name, s.old_kind, s.level, s.function, s.chain
ORDER BY 1, 6 DESC, 2, 3, 5;
