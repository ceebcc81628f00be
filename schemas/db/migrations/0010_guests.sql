-- Schema 10. Guests of guests: whose each row is, how the vCPU stood, and what the guest's own tables held.
--
-- context: 0 the guest itself (L1), root_mmu; 1 a guest of it (L2) without nested page tables of its hypervisor, root_mmu as well; 2 L2 with
-- them, guest_mmu; 4 L2, its MMU not known. NULL: the host's own doing, or not known, as in runs of earlier versions.
-- In _table_write it is bits 24..22 of flags, where 3 stands for not known.
ALTER TABLE _access ADD COLUMN context INTEGER;
ALTER TABLE _vm_exit ADD COLUMN context INTEGER;
ALTER TABLE _fault ADD COLUMN context INTEGER;
ALTER TABLE _table_page ADD COLUMN context INTEGER;
ALTER TABLE _page_operation ADD COLUMN context INTEGER;
ALTER TABLE _root_change ADD COLUMN context INTEGER;
ALTER TABLE _tlb_flush ADD COLUMN context INTEGER;
ALTER TABLE _guest_fault ADD COLUMN context INTEGER;
ALTER TABLE _model_note ADD COLUMN context INTEGER;

-- Whose a table is, its role tells in runs of earlier versions too. guest_mmu's tables never have cr0_wp, those of root_mmu with EPT and NPT always.
UPDATE _table_page SET context = CASE
  WHEN NOT role >> 17 & 1 THEN 0
  WHEN role >> 13 & 1 OR (SELECT r.mode FROM _run AS r WHERE r.run = _table_page.run) = 'shadow' THEN 1
  ELSE 2 END
WHERE role IS NOT NULL AND role_mask IS NULL AND NOT is_special;
UPDATE _table_write SET flags = flags | (coalesce((SELECT p.context FROM _table_page AS p WHERE p.run = _table_write.run AND p.table_id = _table_write.table_id), 3) << 22)
WHERE run IN (SELECT run FROM _table_page WHERE context IS NULL OR context <> 0);

UPDATE _fault SET context = 4 WHERE EXISTS (SELECT 1 FROM _nested_fault AS n WHERE n.run = _fault.run AND n.fault_id = _fault.fault_id);
DROP TABLE _nested_fault;

-- kind and name as in _activity, and kind 8: access (name: kind of access).
CREATE TABLE _guest_tally (
  run INTEGER NOT NULL,
  context INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  name INTEGER NOT NULL,
  level INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (run, context, kind, name, level)
) STRICT, WITHOUT ROWID;

-- From the first VMRUN on: how a vCPU stands after each way into L2 and out of it, and after each change of a control register.
-- cause: 1 VMRUN, 2 an exit that L1 gets, 3 a control register, 4 the exit did not happen after all. seq: the record before it.
-- What the trace of an observed run does not show is NULL.
CREATE TABLE _guest_state (
  run INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  vcpu INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  context INTEGER NOT NULL,
  cr0 INTEGER,
  cr3 INTEGER,
  cr4 INTEGER,
  efer INTEGER,
  nested_root INTEGER,
  nested_levels INTEGER,
  vmcb INTEGER,
  asid INTEGER,
  tlb_control INTEGER,
  code INTEGER,
  info1 INTEGER,
  info2 INTEGER,
  exit_id INTEGER,
  PRIMARY KEY (run, ordinal, seq, vcpu, cause)
) STRICT, WITHOUT ROWID;

-- Pages of the guest's own tables, L1's and L2's. known 1: from here on it is known, all zero but for the entries that are given from here on.
CREATE TABLE _guest_page (
  run INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  known INTEGER NOT NULL,
  PRIMARY KEY (run, gfn, ordinal)
) STRICT, WITHOUT ROWID;

-- What 8 bytes of such a page hold from an ordinal on.
CREATE TABLE _guest_entry (
  run INTEGER NOT NULL,
  gfn INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (run, gfn, idx, ordinal)
) STRICT, WITHOUT ROWID;
