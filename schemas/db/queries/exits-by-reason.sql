-- title: Exits by reason
-- description: How many exits of each reason, their share, and the faults and table writes they led to: what perf kvm stat counts, without the time.
-- param run run = every: Which run.
-- answer: run, reason, exits, percent, faults, writes
-- needs: exits
-- empty: there was no exit.
SELECT
  r.name AS run, e.reason, e.exits, round(100.0 * e.exits / sum(e.exits) OVER (PARTITION BY e.run), 2) AS percent, e.faults, e.writes,
  e.first_ordinal, e.last_ordinal
FROM exit_summary AS e
JOIN run AS r ON r.run = e.run
WHERE :run IS NULL OR e.run = :run
ORDER BY e.run, e.exits DESC, e.reason;
