-- title: What a table held after an event
-- description: All entries of one table that were not 0 after a trace event, each with the write that left it so.
--   Finds each entry's last write in the index: as fast on ten million writes as on ten.
-- param run run = first: Which run.
-- param table_id integer: Which table.
-- param ordinal integer = 9223372036854775807: The trace event; without it the end.
-- answer: idx, value_hex, kind, rights, function, since_ordinal
-- empty if NOT EXISTS (SELECT 1 FROM table_page WHERE run = :run AND table_id = :table_id) then the run has no table of that number (view table_page lists them).
-- empty if EXISTS (SELECT 1 FROM capability WHERE run = :run AND fact = 'table_write.links' AND shown = 'no') then no line shows such a write: of the table's entries the trace shows only that leaves were set (view capability). A companion has every write: 'import ftrace TRACE -o X.capture'.
-- empty: all of its entries were empty then.
WITH RECURSIVE entry (idx) AS (
  SELECT 0 UNION ALL SELECT idx + 1 FROM entry WHERE idx < 511
)
SELECT
  w.idx, w.level, w.gfn_hex, w.new_hex AS value_hex, w.new_kind AS kind, w.new_rights AS rights, w.ordinal AS since_ordinal, w.seq AS since_seq,
  w.function
FROM entry
JOIN table_write AS w
  ON w.run = :run AND w.table_id = :table_id AND w.idx = entry.idx
  AND w.ordinal = (
    SELECT x.ordinal FROM table_write AS x
    WHERE x.run = :run AND x.table_id = :table_id AND x.idx = entry.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
  AND w.seq = (
    SELECT x.seq FROM table_write AS x
    WHERE x.run = :run AND x.table_id = :table_id AND x.idx = entry.idx AND x.ordinal <= :ordinal
    ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
WHERE w.new NOT IN (0, -9223372036854775808) -- empty, as the kernel has it
ORDER BY w.idx;
