-- title: How an address was mapped after an event
-- description: The walk through KVM's tables for one address: a row for each level, down to the page or to where it ended, and for each
--   who wrote the entry and why: the function and its chain, the fault, the exit, the access.
--   The address is guest-physical with EPT and NPT (and while guest paging is off), guest-virtual with shadow paging. It is the running guest's: of a guest's
--   own guest (L2) `nested-mapping-at` begins with the address that L2 uses, and goes through its tables and its hypervisor's first.
--   Where a trace shows no links between tables (tdp_mmu=N without probes), the entries of upper levels are `unknown`, and the way down goes by the
--   tables that were made for the address.
-- param run run = first: Which run.
-- param address integer: The address.
-- param ordinal integer = 9223372036854775807: The trace event; without it the end.
-- param vcpu integer = 0: Whose root.
-- answer: level, kind, rights, function, value_hex, idx, table_id, since_ordinal
-- needs: roots
-- empty if NOT EXISTS (SELECT 1 FROM root_change WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal) then that vCPU had no root by then (view root_change has them).
-- empty: the root's table is not among the run's: the trace begins behind its making.
WITH RECURSIVE root (table_id) AS (
  SELECT * FROM (
    SELECT table_id FROM root_change
    WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND operation IN ('allocate', 'load', 'fast_switch')
    ORDER BY ordinal DESC, seq DESC LIMIT 1)
),
step (level, table_id, idx, value) AS (
  SELECT
    p.level, p.table_id, :address >> (9 * p.level + 3) & 511,
    (SELECT w.new FROM table_write AS w
      WHERE w.run = :run AND w.table_id = p.table_id AND w.idx = (:address >> (9 * p.level + 3) & 511) AND w.ordinal <= :ordinal
      ORDER BY w.ordinal DESC, w.seq DESC LIMIT 1)
  FROM root JOIN table_page AS p ON p.run = :run AND p.table_id = root.table_id
  UNION ALL
  SELECT
    p.level, p.table_id, :address >> (9 * p.level + 3) & 511,
    (SELECT w.new FROM table_write AS w
      WHERE w.run = :run AND w.table_id = p.table_id AND w.idx = (:address >> (9 * p.level + 3) & 511) AND w.ordinal <= :ordinal
      ORDER BY w.ordinal DESC, w.seq DESC LIMIT 1)
  FROM step
  JOIN table_page AS p
    ON p.run = :run
    AND p.table_id = CASE WHEN step.value IS NOT NULL THEN (
      SELECT t.table_id FROM table_page AS t
      WHERE t.run = :run AND t.hpa = (step.value & 0xffffffffff000) AND t.created_ordinal <= :ordinal
        AND (t.freed_ordinal IS NULL OR t.freed_ordinal > :ordinal)
      ORDER BY t.table_id DESC LIMIT 1)
    ELSE (
      SELECT t.table_id FROM table_page AS t JOIN run AS r ON r.run = t.run
      WHERE t.run = :run AND t.gfn = :address >> (9 * step.level + 3) << (9 * (step.level - 1)) AND t.level = step.level - 1 AND t.direct = 1 AND r.mode = 'observed'
        AND t.created_ordinal <= :ordinal AND (t.zapped_ordinal IS NULL OR t.zapped_ordinal > :ordinal)
      ORDER BY t.table_id DESC LIMIT 1) END
  WHERE step.level > 1 AND coalesce(step.value, 1) <> 0 AND p.level < step.level
)
SELECT
  step.level, step.table_id, step.idx, CASE WHEN step.value IS NOT NULL OR NOT dark THEN printf('0x%x', coalesce(step.value, 0)) END AS value_hex,
  coalesce(w.new_kind, CASE WHEN dark THEN 'unknown' ELSE 'none' END) AS kind, w.new_rights AS rights, w.ordinal AS since_ordinal, w.seq AS since_seq, w.function,
  w.chain, w.fault_id, e.reason AS exit_reason, a.kind AS access, a.gva_hex, a.rip_hex
FROM step
CROSS JOIN (
  SELECT r.mode = 'observed' AND NOT EXISTS (SELECT 1 FROM root JOIN table_write AS w ON w.run = :run AND w.table_id = root.table_id) AS dark FROM run AS r WHERE r.run = :run
) AS hidden
LEFT JOIN table_write AS w
  ON w.run = :run AND w.table_id = step.table_id AND w.idx = step.idx
  AND w.ordinal = (
    SELECT x.ordinal FROM table_write AS x
    WHERE x.run = :run AND x.table_id = step.table_id AND x.idx = step.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
  AND w.seq = (
    SELECT x.seq FROM table_write AS x
    WHERE x.run = :run AND x.table_id = step.table_id AND x.idx = step.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
LEFT JOIN vm_exit AS e ON e.run = w.run AND e.exit_id = w.exit_id
LEFT JOIN access AS a ON a.run = w.run AND a.ordinal = w.ordinal
ORDER BY step.level DESC;
