-- title: What the root table held after an event
-- description: All entries of the table that the vCPU walked first (the PML4 in most modes) that were not 0 after a trace event.
-- param run run = first: Which run.
-- param ordinal integer = 9223372036854775807: The trace event; without it the end.
-- param vcpu integer = 0: Whose root.
-- answer: idx, value_hex, kind, rights, function, since_ordinal
-- needs: table_write.links
-- empty if NOT EXISTS (SELECT 1 FROM root_change WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal) then that vCPU had no root by then (view root_change has them).
-- empty: all entries of the root table were empty then.
WITH RECURSIVE root (table_id) AS (
  SELECT * FROM (
    SELECT table_id FROM root_change
    WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND operation IN ('allocate', 'load', 'fast_switch')
    ORDER BY ordinal DESC, seq DESC LIMIT 1)
),
entry (idx) AS (
  SELECT 0 UNION ALL SELECT idx + 1 FROM entry WHERE idx < 511
)
SELECT
  w.table_id, w.level, w.idx, w.gfn_hex, w.new_hex AS value_hex, w.new_kind AS kind, w.new_rights AS rights, w.ordinal AS since_ordinal,
  w.seq AS since_seq, w.function
FROM root
CROSS JOIN entry
JOIN table_write AS w
  ON w.run = :run AND w.table_id = root.table_id AND w.idx = entry.idx
  AND w.ordinal = (
    SELECT x.ordinal FROM table_write AS x
    WHERE x.run = :run AND x.table_id = root.table_id AND x.idx = entry.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
  AND w.seq = (
    SELECT x.seq FROM table_write AS x
    WHERE x.run = :run AND x.table_id = root.table_id AND x.idx = entry.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
WHERE w.new NOT IN (0, -9223372036854775808) -- empty, as the kernel has it
ORDER BY w.idx;
