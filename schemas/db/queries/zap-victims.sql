-- title: What one event took away
-- description: The tables zapped and the entries emptied at one trace event, in order, with the function and chain that did it, and how long
--   each had been there. `zaps` has first and last events of each chain that zaps.
-- param run run = first: Which run.
-- param ordinal integer: The trace event.
-- answer: victim, level, gfn_hex, rights, age, function, chain
-- empty if (SELECT capture_source FROM run WHERE run = :run) = 'ftrace' then nothing was zapped at that event. The trace's lines of one zap are events of their own; @zaps has the first and last of each cause.
-- needs: table_write.clears
-- empty: nothing was zapped at that event: @zaps has the first and last of each cause.
SELECT
  o.seq, 'table' AS victim, o.level, o.table_id, NULL AS idx, o.gfn_hex, NULL AS old_hex, NULL AS rights,
  o.ordinal - p.created_ordinal AS age, o.function, o.chain
FROM page_operation AS o
JOIN table_page AS p ON p.run = o.run AND p.table_id = o.table_id
WHERE o.run = :run AND o.ordinal = :ordinal AND o.operation = 'zap'
UNION ALL
SELECT
  w.seq, w.old_kind, w.level, w.table_id, w.idx, w.gfn_hex, w.old_hex, w.old_rights,
  w.ordinal - (
    SELECT b.ordinal FROM table_write AS b
    WHERE b.run = w.run AND b.table_id = w.table_id AND b.idx = w.idx AND (b.ordinal < w.ordinal OR (b.ordinal = w.ordinal AND b.seq < w.seq))
    ORDER BY b.ordinal DESC, b.seq DESC LIMIT 1),
  w.function, w.chain
FROM table_write AS w
WHERE w.run = :run AND w.ordinal = :ordinal AND w.old_kind NOT IN ('none', 'removed') AND w.new_kind IN ('none', 'removed')
ORDER BY 1;
