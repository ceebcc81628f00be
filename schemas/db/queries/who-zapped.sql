-- title: Who took this frame's mapping away
-- description: Each time an entry that maps a guest frame was emptied or made a table, and each table over it that was zapped: by which function
--   and chain, and in a run that a trace is behind, when, in which thread, and after which line of that thread (an MMU notifier's range, a
--   memslot's end, a system call). Where a trace shows no such write (tdp_mmu=N without probes), its companion run has them.
-- param run run = first: Which run.
-- param gfn integer: The guest frame: the address shifted right by 12.
-- answer: ordinal, level, change, chain, task, after_line
-- empty if NOT EXISTS (SELECT 1 FROM table_write WHERE run = :run AND gfn IN (:gfn, :gfn >> 9 << 9, :gfn >> 18 << 18)) then no entry for that frame was written in this run.
-- needs: table_write.clears
-- empty: what mapped the frame was not taken away.
WITH gone AS (
  SELECT w.run, w.ordinal, w.seq, w.level, w.table_id, w.idx, w.old_kind || ' ' || coalesce(w.old_rights, '') || ' -> ' || w.new_kind AS change, w.function, w.chain
  FROM table_write AS w
  WHERE w.run = :run AND w.gfn IN (:gfn, :gfn >> 9 << 9, :gfn >> 18 << 18) AND w.gfn = :gfn >> (9 * (w.level - 1)) << (9 * (w.level - 1))
    AND w.old_kind IN ('page', 'huge', 'mmio') AND w.new_kind NOT IN ('page', 'huge', 'mmio')
  UNION ALL
  SELECT o.run, o.ordinal, o.seq, o.level, o.table_id, NULL, 'table zapped', o.function, o.chain
  FROM table_page AS p
  JOIN page_operation AS o ON o.run = p.run AND o.table_id = p.table_id AND o.operation = 'zap'
  WHERE p.run = :run AND p.gfn IN (:gfn >> 9 << 9, :gfn >> 18 << 18, :gfn >> 27 << 27, 0) AND p.gfn = :gfn >> (9 * p.level) << (9 * p.level)
)
SELECT
  g.ordinal, e.time, e.task, e.pid, g.level, g.change, g.function, g.chain,
  (SELECT n.name || coalesce(' ' || json_extract(n.fields, '$.text'), '') FROM observed_event AS n
   WHERE n.run = e.run AND n.pid = e.pid AND n.ordinal BETWEEN e.ordinal - 4096 AND e.ordinal
     AND n.name IN ('kvm_unmap_hva_range', 'kvm_unmap_hva', 'kvm_set_spte_hva', 'kvm_age_hva', 'kvm_mmu_zap_all_fast', 'kvm_mmu_invalidate_zap_all_pages',
       'sys_ioctl', 'sys_enter_ioctl', 'kvm_userspace_exit', 'kvm_page_fault', 'kvm_exit')
   ORDER BY n.ordinal DESC LIMIT 1) AS after_line,
  g.table_id, g.idx
FROM gone AS g
LEFT JOIN trace_of AS t ON t.run = g.run
LEFT JOIN observed_event AS e ON e.run = t.trace_run AND e.ordinal = g.ordinal - t.ordinal_offset
ORDER BY g.ordinal, g.seq;
