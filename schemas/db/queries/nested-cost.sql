-- title: What a guest's own guests cost
-- description: How often a guest (L1) ran one of its own (L2), which of L2's exits went on to L1, and what KVM did to L2's tables: with nested page tables
--   the shadow of those (guest_mmu), without them a tree of their own. Under VMX page faults are EPT violations and exceptions. Counts are of the whole run; `per_vmrun` divides them by the entries into L2.
--   Reads summaries; `nested-exits` and `nested-flushes` take them apart. No row: the run has no L2.
-- param run run = every: Which run.
-- answer: run, what, count, per_vmrun
-- needs: guest
-- empty: no guest of its own (L2) ran in it.
WITH l2 AS (
  SELECT run, kind, name, level, sum(count) AS count FROM guest_summary
  WHERE guest = 'L2' AND (:run IS NULL OR run = :run)
  GROUP BY run, kind, name, level
),
way AS (
  SELECT
    run, sum(cause = 'vmrun') AS vmruns, sum(cause = 'vmexit') AS vmexits, sum(cause = 'vmexit' AND code_name IN ('NPF', 'PF', 'EPT_VIOLATION', 'EPT_MISCONFIG', 'EXCEPTION_NMI')) AS faults_to_l1,
    sum(cause = 'registers' AND guest = 'L2') AS registers
  FROM guest_state
  WHERE :run IS NULL OR run = :run
  GROUP BY run
),
figure (run, place, what, count) AS (
  SELECT run, 1, 'entries into L2 (VMRUN)', vmruns FROM way
  UNION ALL SELECT run, 2, 'exits of L2', sum(count) FROM l2 WHERE kind = 'exit' GROUP BY run
  UNION ALL SELECT run, 3, 'exits handed to L1', vmexits FROM way
  UNION ALL SELECT run, 4, 'of them page faults (NPF, #PF)', faults_to_l1 FROM way
  UNION ALL SELECT run, 5, 'faults of L2 handled by KVM', sum(count) FROM l2 WHERE kind = 'fault' AND coalesce(name, '') <> 'guest_fault' GROUP BY run
  UNION ALL SELECT run, 6, 'control registers that L2 wrote', registers FROM way
  UNION ALL SELECT run, 7, 'tables made for L2', sum(count) FROM l2 WHERE kind = 'page' AND name = 'create' GROUP BY run
  UNION ALL SELECT run, 8, 'tables found again for L2', sum(count) FROM l2 WHERE kind = 'page' AND name = 'find' GROUP BY run
  UNION ALL SELECT run, 9, 'tables of L2 zapped', sum(count) FROM l2 WHERE kind = 'page' AND name = 'zap' GROUP BY run
  UNION ALL SELECT run, 10, 'tables of L2 let out of sync', sum(count) FROM l2 WHERE kind = 'page' AND name = 'unsync' GROUP BY run
  UNION ALL SELECT run, 11, 'tables of L2 synced', sum(count) FROM l2 WHERE kind = 'page' AND name = 'sync' GROUP BY run
  UNION ALL SELECT run, 12, 'entries of L2''s tables written by KVM', sum(count) FROM l2 WHERE kind = 'write' AND name <> 'hardware' GROUP BY run
  UNION ALL SELECT run, 13, 'entries of L2''s tables written by the CPU', sum(count) FROM l2 WHERE kind = 'write' AND name = 'hardware' GROUP BY run
  UNION ALL SELECT run, 14, 'roots of L2 made', sum(operation = 'allocate') FROM root_change WHERE guest = 'L2' AND (:run IS NULL OR run = :run) GROUP BY run
  UNION ALL SELECT run, 15, 'switches to a root of L2', sum(operation = 'load') FROM root_change WHERE guest = 'L2' AND (:run IS NULL OR run = :run) GROUP BY run
  UNION ALL SELECT run, 16, 'flushes while L2 runs', sum(count) FROM l2 WHERE kind = 'flush' GROUP BY run
)
SELECT r.name AS run, f.what, f.count, round(1.0 * f.count / w.vmruns, 2) AS per_vmrun
FROM figure AS f
JOIN way AS w ON w.run = f.run
JOIN run AS r ON r.run = f.run
WHERE w.vmruns > 0
ORDER BY f.run, f.place;
