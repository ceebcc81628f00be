-- title: Zaps and their victims
-- description: Table pages zapped (victim table) and mappings taken away (victims page, huge, mmio), by the call chain that did it.
-- param run run = NULL: Which run; without it all.
SELECT r.name AS run, 'table' AS victim, p.level, o.function, o.chain, count(*) AS count, min(o.ordinal) AS first_ordinal, max(o.ordinal) AS last_ordinal
FROM page_operation AS o
JOIN run AS r ON r.run = o.run
JOIN table_page AS p ON p.run = o.run AND p.table_id = o.table_id
WHERE o.operation = 'zap' AND (:run IS NULL OR o.run = :run)
GROUP BY o.run, p.level, o.chain
UNION ALL
SELECT r.name, s.old_kind, s.level, s.function, s.chain, sum(s.writes), min(s.first_ordinal), max(s.last_ordinal)
FROM write_summary AS s
JOIN run AS r ON r.run = s.run
WHERE s.old_kind IN ('page', 'huge', 'mmio') AND s.new_kind IN ('none', 'removed') AND (:run IS NULL OR s.run = :run)
GROUP BY s.run, s.old_kind, s.level, s.chain
ORDER BY 1, 6 DESC, 2, 3, 5;
