-- title: Everything that happened for a guest-virtual page
-- description: The faults on the page of a guest-virtual address with the table writes they made, and the accessed and dirty bits that the CPU
--   set for accesses to it. A row for each write; faults without one have a row too.
-- param run run = first: Which run.
-- param gva integer: An address in the page.
-- answer: ordinal, change, function, access, outcome, level, chain
-- needs: fault.gva
-- empty if (SELECT capture_source FROM run WHERE run = :run) = 'ftrace' then the capture was made of a trace, which has guest-physical addresses alone.
-- empty: no fault and no bit that the CPU set was for that page.
SELECT
  f.ordinal, coalesce(w.seq, f.seq) AS seq, f.access, f.gva_hex, f.address_hex AS fault_address, e.reason AS exit_reason, f.fault_id, f.outcome,
  w.level, w.table_id, w.idx, w.old_kind || coalesce(' ' || w.old_rights, '') || ' -> ' || w.new_kind || coalesce(' ' || w.new_rights, '') AS change,
  w.actor, w.function, w.chain
FROM fault AS f
LEFT JOIN table_write AS w ON w.run = f.run AND w.fault_id = f.fault_id
LEFT JOIN vm_exit AS e ON e.run = f.run AND e.exit_id = f.exit_id
WHERE f.run = :run AND f.gva BETWEEN :gva & ~4095 AND :gva | 4095
UNION ALL
SELECT
  a.ordinal, w.seq, a.kind, a.gva_hex, NULL, NULL, NULL, NULL, w.level, w.table_id, w.idx,
  w.old_kind || coalesce(' ' || w.old_rights, '') || ' -> ' || w.new_kind || coalesce(' ' || w.new_rights, ''), w.actor, w.function, w.chain
FROM access AS a
JOIN table_write AS w ON w.run = a.run AND w.ordinal = a.ordinal
WHERE a.run = :run AND a.gva BETWEEN :gva & ~4095 AND :gva | 4095 AND w.actor = 'hardware'
ORDER BY 1, 2;
