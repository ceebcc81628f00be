-- title: Guest writes to a range, and the entries that changed because of them
-- description: The guest's stores to a range of guest-physical addresses that left a trace, each with the fault and the table writes it
--   caused. A store that met a writable entry changed nothing and is only in the capture (`events CAPTURE --writes` lists those). A trace
--   shows no stores: of a run of one, and of a replay of a capture made of one, the entries for the range that changed, each with the fault
--   behind it if there is one.
-- param run run = first: Which run.
-- param from integer: First guest-physical address.
-- param to integer = :from: Last guest-physical address; without it the first alone.
-- answer: ordinal, change, function, gfn_hex, rip_hex, level, gpa_hex, value_hex
-- empty if (SELECT capture_source FROM run WHERE run = :run) = 'ftrace' then no entry for the range was written; a trace has no stores of the guest.
-- empty: no store to the range led to an exit, a fault or a write (or bit set) of an entry: 'events CAPTURE --writes' has those that did not.
SELECT
  a.ordinal, a.gpa_hex, a.size, a.value_hex, a.gva_hex, a.rip_hex,
  f.fault_id, f.error_code_hex, f.outcome,
  w.seq, w.table_id, w.level, w.idx, w.gfn_hex, w.old_hex, w.new_hex, w.old_kind || ' -> ' || w.new_kind AS change, w.function
FROM access AS a
LEFT JOIN table_write AS w ON w.run = a.run AND w.ordinal = a.ordinal
LEFT JOIN fault AS f ON f.run = w.run AND f.fault_id = w.fault_id
WHERE a.run = :run AND a.kind = 'write' AND a.gpa BETWEEN :from - 63 AND :to AND a.gpa + a.size > :from
UNION ALL
SELECT
  w.ordinal, coalesce(f.address_hex, printf('0x%x', w.gfn << 12)), NULL, NULL, f.gva_hex, f.rip_hex,
  f.fault_id, f.error_code_hex, f.outcome,
  w.seq, w.table_id, w.level, w.idx, w.gfn_hex, w.old_hex, w.new_hex, w.old_kind || ' -> ' || w.new_kind, w.function
FROM run AS r
JOIN table_write AS w ON w.run = r.run
LEFT JOIN fault AS f ON f.run = w.run AND f.fault_id = w.fault_id
WHERE r.run = :run AND r.capture_source = 'ftrace'
  AND (w.gfn BETWEEN :from >> 12 AND :to >> 12 OR w.gfn IN (:from >> 21 << 9, :from >> 30 << 18)) AND w.gfn + (1 << 9 * (w.level - 1)) > :from >> 12
ORDER BY 1, 10;
