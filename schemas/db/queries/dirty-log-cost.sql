-- title: What dirty logging cost
-- description: What reading and switching the dirty log did to entries (rights or dirty bits taken, large pages split), what the guest's writes to such
--   entries led to (faults that gave the right back), and the flushes, each by function and chain. An observed run shows the former
--   where the TDP MMU builds the tables, the latter always; a companion run has both. Of an observed run it reads all writes, else summaries.
-- param run run = first: Which run.
-- answer: what, level, chain, count
-- needs: table_write.changes
-- empty: nothing was protected or cleaned for a dirty log in this run, and no fault gave a right to write back.
SELECT 'writes taken' AS what, w.level, w.function, w.chain, sum(w.writes) AS count, min(w.first_ordinal) AS first_ordinal, max(w.last_ordinal) AS last_ordinal
FROM write_summary AS w
WHERE w.run = :run AND w.old_kind IN ('page', 'huge') AND w.new_kind IN ('page', 'huge') AND w.actor = 'kvm'
  AND (w.chain LIKE '%dirty_log%' OR w.chain LIKE '%slot_remove_write%' OR w.chain LIKE '%clear_dirty%' OR w.chain LIKE '%slot_leaf_clear%' OR w.chain LIKE '%slot_apply_flags%')
GROUP BY w.level, w.function, w.chain
UNION ALL
SELECT 'writes taken, as lines show', w.level, w.function, w.chain, count(*), min(w.ordinal), max(w.ordinal)
FROM run AS r JOIN table_write AS w ON w.run = r.run
WHERE r.run = :run AND r.mode = 'observed' AND w.fault_id IS NULL AND w.old_kind IN ('page', 'huge') AND w.new_kind = w.old_kind AND (w.old_rights LIKE '%w%' AND w.new_rights NOT LIKE '%w%' OR w.old_rights LIKE '%d' AND w.new_rights NOT LIKE '%d')
GROUP BY w.level, w.function, w.chain
UNION ALL
SELECT 'large pages split', w.level, w.function, w.chain, sum(w.writes), min(w.first_ordinal), max(w.last_ordinal)
FROM write_summary AS w
WHERE w.run = :run AND w.old_kind = 'huge' AND w.new_kind = 'table'
GROUP BY w.level, w.function, w.chain
UNION ALL
SELECT 'rights given back by faults', w.level, w.function, w.chain, sum(w.writes), min(w.first_ordinal), max(w.last_ordinal)
FROM run AS r JOIN write_summary AS w ON w.run = r.run
WHERE r.run = :run AND r.mode <> 'observed' AND w.old_kind IN ('page', 'huge') AND w.new_kind = w.old_kind AND w.changes LIKE '%+w%'
  AND (w.chain LIKE '%kvm_mmu_page_fault%' OR w.chain LIKE '%handle_ept_misconfig%')
GROUP BY w.level, w.function, w.chain
UNION ALL
SELECT 'rights given back by faults', w.level, w.function, w.chain, count(*), min(w.ordinal), max(w.ordinal)
FROM run AS r JOIN table_write AS w ON w.run = r.run
WHERE r.run = :run AND r.mode = 'observed' AND w.fault_id IS NOT NULL AND w.old_kind IN ('page', 'huge') AND w.new_kind = w.old_kind AND w.old_rights NOT LIKE '%w%' AND w.new_rights LIKE '%w%'
GROUP BY w.level, w.function, w.chain
UNION ALL
SELECT 'flushes', NULL, s.function, s.chain, s.flushes, s.first_ordinal, s.last_ordinal
FROM flush_summary AS s
WHERE s.run = :run AND (s.chain LIKE '%dirty_log%' OR s.chain LIKE '%slot_apply_flags%')
ORDER BY 1, 5 DESC, 2, 4;
