-- title: Rights and bits taken from mappings, and given back
-- description: Writes that changed an entry which mapped a page before and after: write protection (`-w`) and its end (`+w`), accessed and
--   dirty bits set or cleared, another frame, by the call chain that did it. Write protection comes from shadowed guest tables, dirty
--   logging, and read-only or shared host pages: the chain tells which.
-- param run run = every: Which run.
-- answer: run, level, changes, chain, writes
-- needs: table_write.changes
-- empty: no mapping lost or got a right or a bit, but by being made or taken away.
SELECT
  r.name AS run, s.level, s.changes, s.actor, s.function, s.chain, sum(s.writes) AS writes, min(s.first_ordinal) AS first_ordinal,
  max(s.last_ordinal) AS last_ordinal
FROM write_summary AS s
JOIN run AS r ON r.run = s.run
WHERE s.changes IS NOT NULL AND (:run IS NULL OR s.run = :run)
GROUP BY s.run, r.name, s.level, s.changes, s.actor, s.function, s.chain
ORDER BY s.run, writes DESC, s.level, s.changes, s.chain;
