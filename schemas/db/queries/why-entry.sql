-- title: Why an entry changed
-- description: The whole history of one entry: each write with the function and chain that made it, and the fault, exit and access behind it.
-- param run run = first: Which run.
-- param table_id integer: Which table.
-- param idx integer: Which entry, 0 to 511.
-- answer: ordinal, change, function, access, outcome, chain
-- empty if NOT EXISTS (SELECT 1 FROM table_page WHERE run = :run AND table_id = :table_id) then the run has no table of that number (view table_page lists them).
-- empty if EXISTS (SELECT 1 FROM capability WHERE run = :run AND fact = 'table_write.links' AND shown = 'no') then no line shows such a write: of the table's entries the trace shows only that leaves were set (view capability). A companion has every write: 'import ftrace TRACE -o X.capture'.
-- empty: nothing was written to that entry.
SELECT
  w.ordinal, w.seq, w.old_hex, w.new_hex, w.old_kind || coalesce(' ' || w.old_rights, '') || ' -> ' || w.new_kind || coalesce(' ' || w.new_rights, '') AS change,
  w.actor, w.function, w.chain, f.fault_id, f.address_hex AS fault_address, f.error_code_hex, f.outcome, e.reason AS exit_reason,
  a.kind AS access, a.gva_hex, a.gpa_hex, a.rip_hex
FROM table_write AS w
LEFT JOIN fault AS f ON f.run = w.run AND f.fault_id = w.fault_id
LEFT JOIN vm_exit AS e ON e.run = w.run AND e.exit_id = w.exit_id
LEFT JOIN access AS a ON a.run = w.run AND a.ordinal = w.ordinal
WHERE w.run = :run AND w.table_id = :table_id AND w.idx = :idx
ORDER BY w.ordinal, w.seq;
