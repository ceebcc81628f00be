-- title: Tables written most, or most out of sync
-- description: The tables with the most writes to their entries, with what became of them. Of a shadow table also how often the guest was
--   allowed to write the table behind it unnoticed (unsync) and how often KVM made it agree again (sync).
-- param run run = first: Which run.
-- param by text = 'writes': `writes` or `unsyncs`.
-- param top integer = 20: How many, at most 1000.
-- answer: table_id, level, gfn_hex, writes, unsyncs, syncs
-- needs: table_write.leaves_set
-- empty: no entry was written.
SELECT
  h.table_id, p.level, p.gfn_hex, p.direct, h.writes, h.finds, h.unsyncs, h.syncs, p.created_ordinal, p.zapped_ordinal, p.freed_ordinal
FROM (
  SELECT * FROM hot_table WHERE run = :run ORDER BY CASE :by WHEN 'unsyncs' THEN unsyncs ELSE writes END DESC, table_id LIMIT :top
) AS h
LEFT JOIN table_page AS p ON p.run = h.run AND p.table_id = h.table_id
ORDER BY CASE :by WHEN 'unsyncs' THEN h.unsyncs ELSE h.writes END DESC, h.table_id;
