-- One row for each write to an entry of one of KVM's tables: the central fact.
--
-- `table_write_bits` has every bit of the old and the new value in a column of its own.
CREATE VIEW table_write (
  run,             -- integer > run.run: Which run.
  ordinal,         -- integer: The trace event that led to it.
  seq,             -- integer: Place in the run's history.
  vcpu,            -- integer: The vCPU on whose behalf it was made; NULL for a thread of the host that is none.
  table_id,        -- integer > table_page.table_id: The table.
  level,           -- integer: Level of the table: 1 (PT), 2 (PD), 3 (PDPT), 4 (PML4), 5 (PML5).
  idx,             -- integer: Which of the table's 512 entries ("index" is a word of SQL).
  gfn,             -- integer: First guest frame that the entry translates.
  gfn_hex,         -- hex: The same.
  old,             -- address: Value before. NULL in an observed run that does not show it.
  old_hex,         -- hex: The same.
  new,             -- address: Value after. NULL in an observed run that does not show it.
  new_hex,         -- hex: The same.
  old_kind,        -- text: What the old value was: `none` (0), `page` (leaf, 4 KiB), `huge` (leaf above), `table` (link to a table), `mmio`, `removed` (REMOVED_SPTE), `root` (entry of a special root), `other`; `unknown`: the trace of an observed run does not show it.
  new_kind,        -- text: What the new value is.
  old_rights,      -- text: Rights and state of a present old value, letters of `rwxuad` (`u` in x86 format only; `-` where absent), else NULL.
  new_rights,      -- text: The same of the new value.
  actor,           -- text: `kvm`, or `hardware`: the CPU's page walker set accessed or dirty bits.
  function,        -- text: The KVM function that wrote.
  chain,           -- text: All functions on the way to it, separated by ` > `.
  chain_id,        -- integer > chain.chain_id: The chain.
  fault_id,        -- integer > fault.fault_id: The fault being handled, NULL outside one.
  exit_id,         -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
  tracepoint,      -- text: The tracepoints that a real kernel hits for this write, NULL where none: then ftrace does not show it. In an observed run: those that showed it, NULL where a probe did.
  tracepoint_line, -- text: What those tracepoints print, a line each; entry addresses are physical in all of them.
  shown,           -- text: What the row rests on where a trace is behind the run: `seen` (a line shows it), `derived` (no tracepoint shows such a write; it follows), `assumed` (so, too, but from an event that no line shows, a reading of the dirty log or a memslot that goes alone, placed where later faults need it), `earlier` (the entry was there before the trace, or before events were lost), `missing` (a tracepoint would show it and the trace has no such line). `unmodelled`, in an observed run that has a companion: a line shows it, and the companion has no such write. NULL in modelled runs.
  guest,           -- text: Whose translations the table holds: `L1`, or `L2`: a guest of the guest. NULL: not known. Who ran, the exit tells.
  mmu              -- text: Whose tables: `root_mmu`'s, or `guest_mmu`'s, which shadow nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, ordinal, seq, nullif(flags >> 14 & 255, 255), table_id, flags & 7, idx,
  gfn, CASE WHEN gfn IS NOT NULL THEN printf('0x%x', gfn) END, old, CASE WHEN old IS NOT NULL THEN printf('0x%x', old) END, new, CASE WHEN new IS NOT NULL THEN printf('0x%x', new) END,
  CASE CASE WHEN old IS NULL THEN 8 ELSE flags >> 7 & 7 END
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  CASE CASE WHEN new IS NULL AND (flags >> 10 & 7) = 7 THEN 8 ELSE flags >> 10 & 7 END
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  CASE
    WHEN (flags >> 7 & 7) NOT BETWEEN 3 AND 6 THEN NULL
    WHEN flags >> 13 & 1 THEN
      substr('-r', 1 + (old & 1), 1) || substr('-w', 1 + (old >> 1 & 1), 1) || substr('-x', 1 + (old >> 2 & 1), 1) || '-'
      || CASE WHEN (old >> 52 & 3) = 1 THEN '--' ELSE substr('-a', 1 + (old >> 8 & 1), 1) || substr('-d', 1 + (old >> 9 & 1), 1) END
    ELSE
      substr('-r', 1 + (old & 1), 1) || substr('-w', 1 + (old >> 1 & 1), 1) || substr('x-', 1 + (old >> 63 & 1), 1)
      || substr('-u', 1 + (old >> 2 & 1), 1) || substr('-a', 1 + (old >> 5 & 1), 1) || substr('-d', 1 + (old >> 6 & 1), 1)
  END,
  CASE
    WHEN (flags >> 10 & 7) NOT BETWEEN 3 AND 6 THEN NULL
    WHEN flags >> 13 & 1 THEN
      substr('-r', 1 + (new & 1), 1) || substr('-w', 1 + (new >> 1 & 1), 1) || substr('-x', 1 + (new >> 2 & 1), 1) || '-'
      || CASE WHEN (new >> 52 & 3) = 1 THEN '--' ELSE substr('-a', 1 + (new >> 8 & 1), 1) || substr('-d', 1 + (new >> 9 & 1), 1) END
    ELSE
      substr('-r', 1 + (new & 1), 1) || substr('-w', 1 + (new >> 1 & 1), 1) || substr('x-', 1 + (new >> 63 & 1), 1)
      || substr('-u', 1 + (new >> 2 & 1), 1) || substr('-a', 1 + (new >> 5 & 1), 1) || substr('-d', 1 + (new >> 6 & 1), 1)
  END,
  CASE flags >> 3 & 1 WHEN 0 THEN 'kvm' ELSE 'hardware' END,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = w.run AND c.chain_id = w.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = w.run AND c.chain_id = w.chain_id),
  chain_id, fault_id, exit_id,
  CASE flags >> 4 & 7
    WHEN 0 THEN NULL WHEN 1 THEN 'kvm_mmu_set_spte' WHEN 2 THEN 'kvm_tdp_mmu_spte_changed' WHEN 3 THEN 'mark_mmio_spte' WHEN 4 THEN 'fast_page_fault'
    WHEN 5 THEN 'kvm_tdp_mmu_spte_changed, kvm_mmu_set_spte' WHEN 6 THEN 'kvm_tdp_mmu_spte_changed, mark_mmio_spte' ELSE CAST(flags >> 4 & 7 AS TEXT) END,
  CASE WHEN flags >> 4 & 7 THEN
    CASE WHEN (flags >> 4 & 7) IN (2, 5, 6) THEN
      printf('kvm_tdp_mmu_spte_changed: as id %d gfn %x level %d old_spte %x new_spte %x',
        (SELECT p.role >> 24 <> 0 FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id), gfn, flags & 7, old, new)
      ELSE '' END
    || CASE WHEN (flags >> 4 & 7) IN (5, 6) THEN char(10) ELSE '' END
    || CASE
      WHEN (flags >> 4 & 7) IN (1, 5) THEN
        printf('kvm_mmu_set_spte: gfn %x spte %x (%s%s%s%s) level %d at %x', gfn, new,
          CASE WHEN flags >> 13 & 1 THEN substr('-r', 1 + (new & 1), 1) ELSE 'r' END,
          substr('-w', 1 + (new >> 1 & 1), 1),
          CASE WHEN flags >> 13 & 1 THEN substr('-x', 1 + (new >> 2 & 1), 1) ELSE substr('x-', 1 + (new >> 63 & 1), 1) END,
          CASE WHEN flags >> 13 & 1 THEN substr('-u', 1 + (new & 1), 1) ELSE substr('-u', 1 + (new >> 2 & 1), 1) END,
          flags & 7,
          (SELECT p.pfn * 4096 + w.idx * 8 FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id))
      WHEN (flags >> 4 & 7) IN (3, 6) THEN
        printf('mark_mmio_spte: sptep:%016x gfn %x access %x',
          (SELECT p.pfn * 4096 + w.idx * 8 FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id),
          gfn, CASE WHEN flags >> 25 & 1 THEN new & 6 ELSE new & 7 END)
          || CASE WHEN flags >> 25 & 1 THEN '' ELSE printf(' gen %x', (new >> 3 & 255) | (new >> 44 & 524032)) END
      WHEN (flags >> 4 & 7) = 4 THEN
        (SELECT printf('fast_page_fault: vcpu %d gva %x error_code %s sptep %016x old %#x new %x spurious %d fixed %d',
            flags >> 14 & 255, f.address,
            substr(CASE WHEN f.error_code & 1 THEN '|P' ELSE '' END || CASE WHEN f.error_code & 2 THEN '|W' ELSE '' END
              || CASE WHEN f.error_code & 4 THEN '|U' ELSE '' END || CASE WHEN f.error_code & 8 THEN '|RSVD' ELSE '' END
              || CASE WHEN f.error_code & 16 THEN '|F' ELSE '' END, 2),
            (SELECT p.pfn * 4096 + w.idx * 8 FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id),
            old, new, f.outcome = 5, f.outcome = 4)
          FROM _fault AS f WHERE f.run = w.run AND f.fault_id = w.fault_id)
      ELSE '' END
  END,
  coalesce(
    (SELECT CASE o.origin WHEN 1 THEN 'seen' WHEN 2 THEN 'derived' WHEN 3 THEN 'earlier' WHEN 4 THEN 'missing' WHEN 6 THEN 'assumed' ELSE 'unmodelled' END
      FROM _write_origin AS o WHERE o.run = w.run AND o.ordinal = w.ordinal AND o.seq = w.seq),
    CASE WHEN (SELECT r.mode FROM _run AS r WHERE r.run = w.run) = 'observed' THEN 'seen' END),
  CASE WHEN (flags >> 22 & 7) = 0 THEN 'L1' WHEN (flags >> 22 & 7) IN (1, 2, 4) THEN 'L2' END, CASE (flags >> 22 & 7) WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _table_write AS w;
