-- title: The first write at each level
-- description: When, where and by which function each level of the tables was written first, with the access and the fault behind it.
-- param run run = every: Which run.
-- answer: run, level, ordinal, function, gfn_hex, access, new_kind
-- needs: table_write.leaves_set
-- empty: no entry was written.
WITH first AS (
  SELECT run, level, min(first_seq) AS seq, min(first_ordinal) AS ordinal
  FROM write_summary
  WHERE :run IS NULL OR run = :run
  GROUP BY run, level
)
SELECT
  r.name AS run, w.level, w.ordinal, w.seq, w.table_id, w.idx, w.gfn_hex, w.new_hex, w.new_kind, w.function, w.chain,
  f.address_hex AS fault_address, a.kind AS access, a.gva_hex, a.rip_hex
FROM first
JOIN run AS r ON r.run = first.run
JOIN table_write AS w ON w.run = first.run AND w.ordinal = first.ordinal AND w.seq = first.seq
LEFT JOIN fault AS f ON f.run = w.run AND f.fault_id = w.fault_id
LEFT JOIN access AS a ON a.run = w.run AND a.ordinal = w.ordinal
ORDER BY w.run, w.level DESC;
