-- title: Where a trace and the model part
-- description: Every write of an entry that a trace shows and the model, replaying the capture made of the trace, does not make (`trace`), and every
--   one that the model makes and a tracepoint would show, of which the trace has no line (`model`), in the order of the trace. What differs in value
--   stands here as one row of each. Reads all writes of both runs.
-- param run run = first: Which run: a trace's, or its companion.
-- param from integer = 0: Events of the trace from here on: the last one shown and one, for the next page.
-- param top integer = 100: How many rows.
-- answer: event, trace, model, function, level, gfn_hex
-- empty if (SELECT trace_run FROM trace_of WHERE run = :run) IS NULL then it is a run of the model that was held against no trace ('import ftrace TRACE -o CAPTURE --db DB' makes a companion that is).
-- empty if NOT EXISTS (SELECT 1 FROM trace_of AS t JOIN trace_of AS o ON o.trace_run = t.trace_run AND o.run <> t.trace_run WHERE t.run = :run) then no replay was held against this trace: it was imported without -o.
-- empty if :from > 0 then from that event on trace and model agree: each makes every write that the other has.
-- empty: trace and model agree: each makes every write that the other has.
WITH parted AS (
  SELECT w.ordinal - t.ordinal_offset AS event, w.seq, w.level, w.gfn_hex, NULL AS trace, w.old_hex || ' -> ' || w.new_hex AS model, w.function, w.chain, t.trace_run
  FROM trace_of AS t JOIN table_write AS w ON w.run = t.run
  WHERE t.run = :run AND t.trace_run IS NOT NULL AND w.shown = 'missing' AND w.ordinal >= :from + t.ordinal_offset
  UNION ALL
  SELECT w.ordinal, w.seq, w.level, w.gfn_hex, coalesce(w.old_hex, '?') || ' -> ' || w.new_hex, NULL, w.function, w.chain, t.trace_run
  FROM trace_of AS t JOIN table_write AS w ON w.run = t.trace_run
  WHERE t.run = :run AND t.trace_run IS NOT NULL AND w.shown = 'unmodelled' AND w.ordinal >= :from
)
SELECT p.event, e.time, e.task, p.level, p.gfn_hex, p.trace, p.model, p.function, p.chain
FROM parted AS p
LEFT JOIN observed_event AS e ON e.run = p.trace_run AND e.ordinal = p.event
ORDER BY p.event, p.trace IS NULL, p.seq
LIMIT :top;
