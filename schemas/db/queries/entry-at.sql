-- title: What an entry held after an event
-- description: The last write to one entry up to a trace event, which is what it held then. No row: it was still 0.
-- param run run = first: Which run.
-- param table_id integer: Which table.
-- param idx integer: Which entry, 0 to 511.
-- param ordinal integer = 9223372036854775807: The trace event; without it the end.
-- answer: ordinal, value_hex, kind, rights, function, gfn_hex, chain
-- empty if NOT EXISTS (SELECT 1 FROM table_page WHERE run = :run AND table_id = :table_id) then the run has no table of that number (view table_page lists them).
-- empty if EXISTS (SELECT 1 FROM capability WHERE run = :run AND fact = 'table_write.links' AND shown = 'no') then no line shows such a write: of the table's entries the trace shows only that leaves were set (view capability). A companion has every write: 'import ftrace TRACE -o X.capture'.
-- empty: nothing had been written to the entry by then: it was 0, or what it held before the run began.
SELECT ordinal, seq, level, gfn_hex, new_hex AS value_hex, new_kind AS kind, new_rights AS rights, function, chain, fault_id, exit_id
FROM table_write
WHERE run = :run AND table_id = :table_id AND idx = :idx AND ordinal <= :ordinal
ORDER BY ordinal DESC, seq DESC
LIMIT 1;
