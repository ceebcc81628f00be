-- title: Faults by handler and outcome
-- description: How many faults each handler had, how they ended, at which level they mapped, and how many table writes they made.
-- param run run = NULL: Which run; without it all.
SELECT
  r.name AS run, f.handler, f.access, f.outcome, f.mapped_level, count(*) AS faults, sum(f.writes) AS writes,
  round(1.0 * sum(f.writes) / count(*), 2) AS writes_per_fault, min(f.ordinal) AS first_ordinal, max(f.ordinal) AS last_ordinal
FROM fault AS f
JOIN run AS r ON r.run = f.run
WHERE :run IS NULL OR f.run = :run
GROUP BY f.run, f.handler, f.access, f.outcome, f.mapped_level
ORDER BY f.run, faults DESC, f.handler, f.access, f.outcome, f.mapped_level;
