-- title: All that one event led to
-- description: The access, the exit, the fault, every write with the call chain behind it, pages made and zapped, roots, flushes and the fault
--   handed to the guest, in the order in which they happened. The way to it: `why-entry`, `why-gfn`, `why-gva` and `mapping-at` give ordinals.
-- param run run = first: Which run.
-- param ordinal integer: The trace event.
-- answer: kind, text
-- empty if (SELECT capture_source FROM run WHERE run = :run) = 'ftrace' then nothing that the run keeps happened at that event: of a trace, 'select * from observed_event where ordinal = N' has its line.
-- empty: nothing that the run keeps happened at that event: an access that met a finished mapping leaves no record.
SELECT e.seq, e.kind, e.text, coalesce(
    (SELECT w.chain FROM table_write AS w WHERE e.kind = 'write' AND w.run = e.run AND w.ordinal = e.ordinal AND w.seq = e.seq),
    (SELECT p.chain FROM page_operation AS p WHERE e.kind = 'page' AND p.run = e.run AND p.ordinal = e.ordinal AND p.seq = e.seq),
    (SELECT c.chain FROM root_change AS c WHERE e.kind = 'root' AND c.run = e.run AND c.ordinal = e.ordinal AND c.seq = e.seq),
    (SELECT t.chain FROM tlb_flush AS t WHERE e.kind = 'flush' AND t.run = e.run AND t.ordinal = e.ordinal AND t.seq = e.seq)) AS chain
FROM event AS e
WHERE e.run = :run AND e.ordinal = :ordinal
ORDER BY e.seq;
