-- title: Exits by reason
-- description: How many exits of each reason, their share, and the faults and table writes they led to: what perf kvm stat counts, without the time.
-- param run run = NULL: Which run; without it all.
WITH exits AS (
  SELECT run, reason, count(*) AS exits, min(ordinal) AS first_ordinal, max(ordinal) AS last_ordinal
  FROM vm_exit WHERE :run IS NULL OR run = :run GROUP BY run, reason
),
faults AS (
  SELECT e.run, e.reason, count(*) AS faults, sum(f.writes) AS writes
  FROM fault AS f JOIN vm_exit AS e ON e.run = f.run AND e.exit_id = f.exit_id
  WHERE :run IS NULL OR f.run = :run GROUP BY e.run, e.reason
)
SELECT
  r.name AS run, exits.reason, exits.exits,
  round(100.0 * exits.exits / sum(exits.exits) OVER (PARTITION BY exits.run), 2) AS percent,
  coalesce(faults.faults, 0) AS faults, coalesce(faults.writes, 0) AS writes_in_faults, exits.first_ordinal, exits.last_ordinal
FROM exits
JOIN run AS r ON r.run = exits.run
LEFT JOIN faults ON faults.run = exits.run AND faults.reason = exits.reason
ORDER BY exits.run, exits.exits DESC, exits.reason;
