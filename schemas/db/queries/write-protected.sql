-- title: Which guest tables are write-protected, by whom, and what it cost
-- description: The guest's pages that KVM shadows as page tables: its own with shadow paging, and the nested page tables that it made as a hypervisor (shadowed by
--   guest_mmu). For each: how many tables shadow it, how often KVM took the right to write it from a mapping and by which call chain first, how often the
--   guest wrote it all the same and faulted (by L1, by L2), how those faults ended, and how often it was let out of sync and synced again. Sorted by faults.
-- param run run = first: Which run.
-- param top integer = 20: How many, at most.
-- answer: gfn_hex, what, protected_first_by, protected, emulated, unsyncs, translates_for
-- needs: table_pages
-- empty: KVM shadows no table of the guest's in this run: with EPT and NPT it does so for nested guests alone.
WITH shadowed AS (
  SELECT
    gfn, max(guest) AS guest, max(mmu) AS mmu, min(level) AS lowest_level, max(level) AS highest_level, count(*) AS shadows, sum(zapped_seq IS NULL) AS shadows_left,
    min(created_ordinal) AS first_ordinal
  FROM table_page
  WHERE run = :run AND direct = 0 AND NOT special
  GROUP BY gfn, guest
),
operation AS (
  SELECT gfn, guest, sum(operation = 'unsync') AS unsyncs, sum(operation = 'sync') AS syncs
  FROM page_operation
  WHERE run = :run AND operation IN ('unsync', 'sync')
  GROUP BY gfn, guest
),
trapped AS (
  SELECT
    CASE WHEN f.guest_page THEN CASE WHEN f.guest = 'L1' THEN f.address >> 12 END ELSE coalesce(a.gpa, CASE WHEN f.guest_final AND f.guest = 'L1' THEN f.address END) >> 12 END AS gfn,
    sum(coalesce(f.guest, 'L1') <> 'L2') AS by_l1, sum(coalesce(f.guest, 'L1') = 'L2') AS by_l2, sum(f.outcome IN ('emulate', 'write_protected')) AS emulated, sum(f.outcome = 'fixed') AS fixed
  FROM fault AS f
  LEFT JOIN access AS a ON a.run = f.run AND a.ordinal = f.ordinal
  WHERE f.run = :run AND f.write AND f.present
  GROUP BY 1
),
protection AS (
  SELECT s.gfn, s.guest, w.chain, w.seq, count(*) OVER (PARTITION BY s.gfn, s.guest) AS times, row_number() OVER (PARTITION BY s.gfn, s.guest ORDER BY w.seq) AS n
  FROM shadowed AS s
  JOIN table_write AS w ON w.gfn = s.gfn AND w.run = :run
  WHERE substr(w.old_rights, 2, 1) = 'w' AND substr(w.new_rights, 2, 1) = '-' AND w.new_kind IN ('page', 'huge')
)
SELECT
  printf('0x%x', s.gfn) AS gfn_hex, s.guest AS translates_for, CASE s.mmu WHEN 'guest_mmu' THEN 'nested page table' ELSE 'page table' END AS what,
  s.lowest_level, s.highest_level, s.shadows, s.shadows_left, coalesce(p.times, 0) AS protected,
  coalesce(t.by_l1, 0) AS faults_l1, coalesce(t.by_l2, 0) AS faults_l2, coalesce(t.emulated, 0) AS emulated, coalesce(t.fixed, 0) AS let_through,
  coalesce(o.unsyncs, 0) AS unsyncs, coalesce(o.syncs, 0) AS syncs, s.first_ordinal, p.chain AS protected_first_by
FROM shadowed AS s
LEFT JOIN trapped AS t ON t.gfn = s.gfn
LEFT JOIN protection AS p ON p.gfn = s.gfn AND p.guest IS NOT DISTINCT FROM s.guest AND p.n = 1
LEFT JOIN operation AS o ON o.gfn = s.gfn AND o.guest IS NOT DISTINCT FROM s.guest
ORDER BY faults_l1 + faults_l2 DESC, protected DESC, s.gfn
LIMIT :top;
