-- title: Shadow tables out of sync and back
-- description: How often guest tables were allowed to change unnoticed (unsync), made to agree again (sync), found again in the page cache or
--   zapped, by the call chain that did it. `hot-tables` with `by=unsyncs` names the tables. Only shadow paging has these.
-- param run run = every: Which run.
-- answer: run, operation, level, chain, operations
-- needs: table_pages
-- empty: no table went out of sync, was found again or zapped: shadow paging does that, and nested guests.
SELECT r.name AS run, p.operation, p.level, p.function, p.chain, p.operations, p.first_ordinal, p.last_ordinal
FROM page_summary AS p
JOIN run AS r ON r.run = p.run
WHERE p.operation IN ('unsync', 'sync', 'find', 'zap') AND (:run IS NULL OR p.run = :run)
ORDER BY p.run, p.operation DESC, p.operations DESC, p.level, p.chain;
