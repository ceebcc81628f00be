-- title: Faults by handler and outcome
-- description: How many faults each handler had, how they ended, at which level they mapped, and how many table writes they made.
-- param run run = every: Which run.
-- answer: run, handler, access, outcome, faults, writes, mapped_level
-- needs: faults
-- empty: there was no fault.
SELECT
  r.name AS run, f.handler, f.access, f.outcome, f.mapped_level, f.faults, f.writes, round(1.0 * f.writes / f.faults, 2) AS writes_per_fault,
  f.first_ordinal, f.last_ordinal
FROM fault_summary AS f
JOIN run AS r ON r.run = f.run
WHERE :run IS NULL OR f.run = :run
ORDER BY f.run, f.faults DESC, f.handler, f.access, f.outcome, f.mapped_level;
