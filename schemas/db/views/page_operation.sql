-- What happened to table pages besides writes to their entries: made, found again, zapped, synced, unsynced, freed.
CREATE VIEW page_operation (
  run,             -- integer > run.run: Which run.
  ordinal,         -- integer: The trace event.
  seq,             -- integer: Place in the run's history.
  vcpu,            -- integer: The vCPU on whose behalf.
  operation,       -- text: `create`, `find` (in the page cache), `zap`, `sync`, `unsync`, `free`.
  table_id,        -- integer > table_page.table_id: The page.
  level,           -- integer: Its level.
  gfn,             -- integer: First guest frame that it translates (direct), or the frame of the guest table that it shadows.
  gfn_hex,         -- hex: The same.
  role_hex,        -- hex: Its role word at that moment; NULL in an observed run, whose lines show only parts of it (see `tracepoint_line`).
  invalid,         -- boolean: Role: the page is no longer to be used.
  root_count,      -- integer: How many hold it as a root.
  unsync,          -- boolean: The guest may write the table it shadows without KVM noticing.
  function,        -- text: The function.
  chain,           -- text: All functions on the way to it.
  fault_id,        -- integer > fault.fault_id: The fault being handled, NULL outside one.
  exit_id,         -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
  tracepoint_line, -- text: What a real kernel's tracepoint prints for it, NULL where there is none.
  guest,           -- text: Whose translations the table holds: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu              -- text: Whose tables: `root_mmu`'s, or `guest_mmu`'s, which shadow nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, ordinal, seq, vcpu,
  CASE operation WHEN 1 THEN 'create' WHEN 2 THEN 'find' WHEN 3 THEN 'zap' WHEN 4 THEN 'sync' WHEN 5 THEN 'unsync' WHEN 6 THEN 'free' ELSE CAST(operation AS TEXT) END,
  table_id, level, gfn, printf('0x%x', gfn), CASE WHEN role_mask IS NULL THEN printf('0x%08x', role) END, role >> 11 & 1, root_count, unsync,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  fault_id, exit_id,
  CASE WHEN operation BETWEEN 1 AND 5 THEN
    printf('%s: sp%s gfn %x %s q%d%s %s%s %snxe%s root %d %s%s',
      CASE operation
        WHEN 1 THEN 'kvm_mmu_get_page' WHEN 2 THEN 'kvm_mmu_get_page' WHEN 3 THEN 'kvm_mmu_prepare_zap_page' WHEN 4 THEN 'kvm_mmu_sync_page'
        ELSE 'kvm_mmu_unsync_page' END,
      CASE generation WHEN 255 THEN '' ELSE printf(' gen %d', generation) END, gfn,
      CASE generation WHEN 255 THEN printf('%d%s', level, CASE WHEN role >> 7 & 1 OR role >> 4 & 1 THEN '' ELSE ' pae' END)
        ELSE printf('l%d %d-byte', level, CASE role >> 4 & 1 WHEN 1 THEN 4 ELSE 8 END) END,
      role >> 5 & 3, CASE role >> 7 & 1 WHEN 1 THEN ' direct' ELSE '' END,
      substr('-w', 1 + (role >> 9 & 1), 1) || substr('-u', 1 + (role >> 10 & 1), 1) || substr('-x', 1 + (role >> 8 & 1), 1),
      CASE role >> 11 & 1 WHEN 1 THEN ' invalid' ELSE '' END,
      CASE role >> 12 & 1 WHEN 1 THEN '' ELSE '!' END, CASE WHEN generation = 255 THEN '' WHEN role >> 16 & 1 THEN ' !ad' ELSE ' ad' END,
      root_count, CASE unsync WHEN 1 THEN 'unsync' ELSE 'sync' END, CASE operation WHEN 1 THEN ' new' WHEN 2 THEN ' existing' ELSE '' END)
  END,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _page_operation AS o;
