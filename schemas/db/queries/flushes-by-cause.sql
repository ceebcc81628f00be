-- title: TLB flushes by cause
-- description: How many flushes of each kind, and the call chain that asked for them.
-- param run run = every: Which run.
-- answer: run, kind, chain, flushes, pages
-- needs: tlb_flushes
-- empty: nothing was flushed.
SELECT r.name AS run, f.kind, f.function, f.chain, f.flushes, f.pages, f.first_ordinal, f.last_ordinal
FROM flush_summary AS f
JOIN run AS r ON r.run = f.run
WHERE :run IS NULL OR f.run = :run
ORDER BY f.run, f.flushes DESC, f.kind, f.chain;
