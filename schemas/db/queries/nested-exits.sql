-- title: Exits of a guest's own guests, and who got them
-- description: Each sort of exit of L2, how many of them KVM handled by itself and how many it handed to L1 (reflected) as which exit code, with the
--   faults and table writes that KVM made for them. What is handed on costs L1's own way back besides: VMRUN, with its sync and flush.
-- param run run = every: Which run.
-- answer: run, reason, handed_to_l1_as, exits, percent
-- needs: guest
-- empty: no guest of its own (L2) ran in it.
WITH faults AS (
  SELECT run, exit_id, count(*) AS count FROM fault WHERE guest = 'L2' AND (:run IS NULL OR run = :run) GROUP BY run, exit_id
),
writes AS (
  SELECT w.run, w.exit_id, count(*) AS count FROM table_write AS w
  WHERE w.run IN (SELECT g.run FROM guest_summary AS g WHERE g.guest = 'L2') AND w.exit_id IS NOT NULL AND (:run IS NULL OR w.run = :run)
  GROUP BY w.run, w.exit_id
),
handed AS (
  SELECT run, exit_id, code_name FROM guest_state WHERE cause = 'vmexit' AND (:run IS NULL OR run = :run)
)
SELECT
  r.name AS run, e.reason, coalesce(h.code_name, '') AS handed_to_l1_as, count(*) AS exits,
  round(100.0 * count(*) / sum(count(*)) OVER (PARTITION BY e.run), 2) AS percent, coalesce(sum(f.count), 0) AS faults, coalesce(sum(w.count), 0) AS writes,
  min(e.ordinal) AS first_ordinal, max(e.ordinal) AS last_ordinal
FROM vm_exit AS e
JOIN run AS r ON r.run = e.run
LEFT JOIN handed AS h ON h.run = e.run AND h.exit_id = e.exit_id
LEFT JOIN faults AS f ON f.run = e.run AND f.exit_id = e.exit_id
LEFT JOIN writes AS w ON w.run = e.run AND w.exit_id = e.exit_id
WHERE e.guest = 'L2' AND (:run IS NULL OR e.run = :run)
GROUP BY e.run, r.name, e.reason, h.code_name
ORDER BY e.run, exits DESC, e.reason, handed_to_l1_as;
