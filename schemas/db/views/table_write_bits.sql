-- Every bit of the old and the new value of each table write, decoded by the run's entry format.
--
-- A row of `table_write` and its row here have the same `run`, `ordinal` and `seq`.
CREATE VIEW table_write_bits (
  run,                 -- integer > run.run: Which run.
  ordinal,             -- integer: The trace event that led to it.
  seq,                 -- integer: Place in the run's history.
  table_id,            -- integer > table_page.table_id: The table.
  level,               -- integer: Level of the table, 1 (PT) to 5 (PML5).
  idx,                 -- integer: Which entry, 0 to 511.
  gfn,                 -- integer: First guest frame that the entry translates.
  fault_id,            -- integer > fault.fault_id: The fault being handled, NULL outside one.
  entry_hpa,           -- address: Host-physical address of the entry itself.
  entry_hpa_hex,       -- hex: The same.
  old,                 -- address: Value before.
  old_hex,             -- hex: The same.
  old_kind,            -- text: Old value. What the value is: `none`, `page`, `huge`, `table`, `mmio`, `removed`, `root`, `other`, `unknown`.
  old_present,         -- boolean: Old value. MMU_PRESENT (bit 11): KVM regards the entry as present.
  old_r,               -- boolean: Old value. Readable; in x86 format: P. NULL in this and the next columns where the value is no present entry.
  old_w,               -- boolean: Old value. Writable.
  old_x,               -- boolean: Old value. Executable; in x86 format: NX is clear.
  old_u,               -- boolean: Old value. User; NULL in EPT format.
  old_accessed,        -- boolean: Old value. Accessed bit; NULL where A/D bits are off for the entry.
  old_dirty,           -- boolean: Old value. Dirty bit; NULL where A/D bits are off for the entry.
  old_huge,            -- boolean: Old value. Page size bit: maps 2 MiB or 1 GiB.
  old_frame,           -- integer: Old value. Host frame of the page or table; for `mmio` the guest frame is in `gfn`.
  old_frame_hex,       -- hex: Old value. The same.
  old_memtype,         -- integer: Old value. Memory type in EPT format: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB; NULL in x86 format.
  old_ignore_pat,      -- boolean: Old value. Ignore-PAT bit in EPT format; NULL in x86 format.
  old_host_writable,   -- boolean: Old value. Software bit: the host mapping allows writes.
  old_mmu_writable,    -- boolean: Old value. Software bit: KVM may make it writable without the lock.
  old_ad_type,         -- integer: Old value. Software bits 52 and 53: 0 A/D bits by hardware, 1 off, 2 write protection only.
  old_access_track,    -- boolean: Old value. EPT format: rights were taken away to see the next access; the saved ones are in bits 54 and 56.
  old_mmio_generation, -- integer: Old value. Memslot generation in an MMIO value, else NULL; NULL also in kernels whose MMIO values have none.
  new,                 -- address: Value after.
  new_hex,             -- hex: The same.
  new_kind,            -- text: New value. What the value is: `none`, `page`, `huge`, `table`, `mmio`, `removed`, `root`, `other`, `unknown`.
  new_present,         -- boolean: New value. MMU_PRESENT (bit 11): KVM regards the entry as present.
  new_r,               -- boolean: New value. Readable; in x86 format: P. NULL in this and the next columns where the value is no present entry.
  new_w,               -- boolean: New value. Writable.
  new_x,               -- boolean: New value. Executable; in x86 format: NX is clear.
  new_u,               -- boolean: New value. User; NULL in EPT format.
  new_accessed,        -- boolean: New value. Accessed bit; NULL where A/D bits are off for the entry.
  new_dirty,           -- boolean: New value. Dirty bit; NULL where A/D bits are off for the entry.
  new_huge,            -- boolean: New value. Page size bit: maps 2 MiB or 1 GiB.
  new_frame,           -- integer: New value. Host frame of the page or table; for `mmio` the guest frame is in `gfn`.
  new_frame_hex,       -- hex: New value. The same.
  new_memtype,         -- integer: New value. Memory type in EPT format: 0 UC, 1 WC, 4 WT, 5 WP, 6 WB; NULL in x86 format.
  new_ignore_pat,      -- boolean: New value. Ignore-PAT bit in EPT format; NULL in x86 format.
  new_host_writable,   -- boolean: New value. Software bit: the host mapping allows writes.
  new_mmu_writable,    -- boolean: New value. Software bit: KVM may make it writable without the lock.
  new_ad_type,         -- integer: New value. Software bits 52 and 53: 0 A/D bits by hardware, 1 off, 2 write protection only.
  new_access_track,    -- boolean: New value. EPT format: rights were taken away to see the next access; the saved ones are in bits 54 and 56.
  new_mmio_generation  -- integer: New value. Memslot generation in an MMIO value, else NULL; NULL also in kernels whose MMIO values have none.
) AS
SELECT
  run, ordinal, seq, table_id, flags & 7, idx, gfn, fault_id,
  (SELECT p.pfn * 4096 + w.idx * 8 FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id),
  (SELECT CASE WHEN p.pfn IS NOT NULL THEN printf('0x%x', p.pfn * 4096 + w.idx * 8) END FROM _table_page AS p WHERE p.run = w.run AND p.table_id = w.table_id),
  old, CASE WHEN old IS NOT NULL THEN printf('0x%x', old) END,
  CASE CASE WHEN old IS NULL THEN 8 ELSE flags >> 7 & 7 END
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  (flags >> 7 & 7) BETWEEN 3 AND 5,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN old & 1 END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN old >> 1 & 1 END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN CASE WHEN flags >> 13 & 1 THEN old >> 2 & 1 ELSE 1 - (old >> 63 & 1) END END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 AND NOT (flags >> 13 & 1) THEN old >> 2 & 1 END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 AND (old >> 52 & 3) <> 1 THEN CASE WHEN flags >> 13 & 1 THEN old >> 8 & 1 ELSE old >> 5 & 1 END END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) AND (old >> 52 & 3) <> 1 THEN CASE WHEN flags >> 13 & 1 THEN old >> 9 & 1 ELSE old >> 6 & 1 END END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN (flags >> 7 & 7) = 5 END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN old >> 12 & 0xffffffffff END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 6 THEN printf('0x%x', old >> 12 & 0xffffffffff) END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) AND flags >> 13 & 1 THEN old >> 3 & 7 END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) AND flags >> 13 & 1 THEN old >> 6 & 1 END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) THEN CASE WHEN flags >> 25 & 1 THEN old >> 10 & 1 WHEN flags >> 13 & 1 THEN old >> 57 & 1 ELSE old >> 9 & 1 END END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) THEN CASE WHEN flags >> 25 & 1 THEN old >> 11 & 1 WHEN flags >> 13 & 1 THEN old >> 58 & 1 ELSE old >> 10 & 1 END END,
  CASE WHEN (flags >> 7 & 7) BETWEEN 3 AND 5 THEN old >> 52 & 3 END,
  CASE WHEN (flags >> 7 & 7) IN (4, 5) AND flags >> 13 & 1 THEN (old >> 52 & 3) = 1 AND (old & 7) = 0 END,
  CASE WHEN (flags >> 7 & 7) = 2 AND NOT (flags >> 25 & 1) THEN (old >> 3 & 255) | (old >> 44 & 0x7ff00) END,
  new, CASE WHEN new IS NOT NULL THEN printf('0x%x', new) END,
  CASE CASE WHEN new IS NULL AND (flags >> 10 & 7) = 7 THEN 8 ELSE flags >> 10 & 7 END
    WHEN 8 THEN 'unknown' WHEN 0 THEN 'none' WHEN 1 THEN 'removed' WHEN 2 THEN 'mmio' WHEN 3 THEN 'table' WHEN 4 THEN 'page' WHEN 5 THEN 'huge' WHEN 6 THEN 'root'
    ELSE 'other' END,
  (flags >> 10 & 7) BETWEEN 3 AND 5,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN new & 1 END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN new >> 1 & 1 END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN CASE WHEN flags >> 13 & 1 THEN new >> 2 & 1 ELSE 1 - (new >> 63 & 1) END END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 AND NOT (flags >> 13 & 1) THEN new >> 2 & 1 END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 AND (new >> 52 & 3) <> 1 THEN CASE WHEN flags >> 13 & 1 THEN new >> 8 & 1 ELSE new >> 5 & 1 END END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) AND (new >> 52 & 3) <> 1 THEN CASE WHEN flags >> 13 & 1 THEN new >> 9 & 1 ELSE new >> 6 & 1 END END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN (flags >> 10 & 7) = 5 END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN new >> 12 & 0xffffffffff END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 6 THEN printf('0x%x', new >> 12 & 0xffffffffff) END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) AND flags >> 13 & 1 THEN new >> 3 & 7 END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) AND flags >> 13 & 1 THEN new >> 6 & 1 END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) THEN CASE WHEN flags >> 25 & 1 THEN new >> 10 & 1 WHEN flags >> 13 & 1 THEN new >> 57 & 1 ELSE new >> 9 & 1 END END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) THEN CASE WHEN flags >> 25 & 1 THEN new >> 11 & 1 WHEN flags >> 13 & 1 THEN new >> 58 & 1 ELSE new >> 10 & 1 END END,
  CASE WHEN (flags >> 10 & 7) BETWEEN 3 AND 5 THEN new >> 52 & 3 END,
  CASE WHEN (flags >> 10 & 7) IN (4, 5) AND flags >> 13 & 1 THEN (new >> 52 & 3) = 1 AND (new & 7) = 0 END,
  CASE WHEN (flags >> 10 & 7) = 2 AND NOT (flags >> 25 & 1) THEN (new >> 3 & 255) | (new >> 44 & 0x7ff00) END
FROM _table_write AS w;
