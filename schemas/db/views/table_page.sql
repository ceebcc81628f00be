-- One row for each page of KVM's tables: what it is for, where it is, and how long it lived.
CREATE VIEW table_page (
  run,             -- integer > run.run: Which run.
  table_id,        -- integer: Number of the page within the run, from 1 in order of creation; never used again.
  level,           -- integer: Level: 1 (PT), 2 (PD), 3 (PDPT), 4 (PML4), 5 (PML5).
  gfn,             -- integer: First guest frame that it translates (direct), or the frame of the guest table that it shadows.
  gfn_hex,         -- hex: The same.
  hpa,             -- address: Host-physical address of the page.
  hpa_hex,         -- hex: The same.
  role,            -- integer: KVM's role word at creation; NULL in an observed run that shows only parts of it, which follow.
  role_hex,        -- hex: The same.
  direct,          -- boolean: Role: translates guest-physical addresses linearly; 0: shadows a guest table.
  role_access,     -- text: Role: rights inherited from above, letters of `rwxu`: `w` write, `u` user, `x` execute, as the kernel prints them.
  quadrant,        -- integer: Role: which part of a 4-byte-entry guest table it covers.
  gpte_bytes,      -- integer: Role: bytes of an entry of the guest table: 4 or 8.
  efer_nx,         -- boolean: Role: guest's EFER.NX.
  cr0_wp,          -- boolean: Role: guest's CR0.WP.
  smep_andnot_wp,  -- boolean: Role: SMEP without WP.
  smap_andnot_wp,  -- boolean: Role: SMAP without WP.
  ad_disabled,     -- boolean: Role: no A/D bits in its entries.
  guest_mode,      -- boolean: Role: for a nested guest.
  smm,             -- boolean: Role: for system-management mode.
  tdp_mmu,         -- boolean: Belongs to the TDP MMU.
  special,         -- boolean: A special root (pae_root, pml4_root, pml5_root) that is no kvm_mmu_page.
  generation,      -- integer: mmu_valid_gen at creation; NULL in kernels that have none.
  created_shown,   -- boolean: 0 in an observed run: the page was there before the trace shows its making; `created_ordinal` is where it is shown first.
  created_ordinal, -- integer: The trace event for which it was made.
  created_seq,     -- integer: Place in the run's history.
  fault_id,        -- integer > fault.fault_id: The fault for which it was made, NULL outside one.
  created_by,      -- text: Call chain of its making.
  zapped_ordinal,  -- integer: The trace event at which it was zapped, NULL while it lives.
  zapped_seq,      -- integer: Place in the run's history.
  zapped_by,       -- text: Call chain of the zap.
  freed_ordinal,   -- integer: The trace event at which the page went back to the host.
  freed_seq,       -- integer: Place in the run's history.
  guest,           -- text: Whose translations the table holds: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu              -- text: Whose tables: `root_mmu`'s, or `guest_mmu`'s, which shadow nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, table_id, level, gfn, CASE WHEN gfn IS NOT NULL THEN printf('0x%x', gfn) END,
  pfn << 12, CASE WHEN pfn IS NOT NULL THEN printf('0x%x', pfn << 12) END,
  CASE WHEN role_mask IS NULL THEN role END, CASE WHEN role_mask IS NULL THEN printf('0x%08x', role) END,
  CASE WHEN coalesce(role_mask, -1) >> 7 & 1 THEN role >> 7 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 8 & 1 THEN
    substr('-w', 1 + (role >> 9 & 1), 1) || substr('-u', 1 + (role >> 10 & 1), 1) || substr('-x', 1 + (role >> 8 & 1), 1) END,
  CASE WHEN coalesce(role_mask, -1) >> 5 & 1 THEN role >> 5 & 3 END,
  CASE WHEN coalesce(role_mask, -1) >> 4 & 1 THEN CASE role >> 4 & 1 WHEN 1 THEN 4 ELSE 8 END END,
  CASE WHEN coalesce(role_mask, -1) >> 12 & 1 THEN role >> 12 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 13 & 1 THEN role >> 13 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 14 & 1 THEN role >> 14 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 15 & 1 THEN role >> 15 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 16 & 1 THEN role >> 16 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 17 & 1 THEN role >> 17 & 1 END,
  CASE WHEN coalesce(role_mask, -1) >> 24 & 1 THEN role >> 24 <> 0 END,
  is_tdp, is_special, nullif(generation, 255), created_shown, created_ordinal, created_seq, fault_id,
  CASE created_shown WHEN 1 THEN (SELECT c.path FROM _chain AS c WHERE c.run = p.run AND c.chain_id = p.chain_id) END,
  zapped_ordinal, zapped_seq,
  (SELECT c.path FROM _chain AS c WHERE c.run = p.run AND c.chain_id = p.zap_chain_id),
  freed_ordinal, freed_seq,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _table_page AS p;
