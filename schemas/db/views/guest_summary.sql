-- How many records of each sort belong to the guest itself (L1), and how many to a guest of it (L2): counted while they were stored.
--
-- Runs that an older version stored have no rows here. What the host did on its own behalf has no guest.
CREATE VIEW guest_summary (
  run,    -- integer > run.run: Which run.
  guest,  -- text: `L1` or `L2`; of writes and pages: whose translations the table holds. NULL: the host's own doing, or not known.
  mmu,    -- text: Which of the vCPU's MMUs: `root_mmu`, `guest_mmu` (shadows the nested page tables that L1 made for L2), `nested_mmu` (L2's own walk); NULL: not known.
  kind,   -- text: `exit`, `fault`, `write`, `page`, `root`, `flush`, `guest_fault`, `access`.
  name,   -- text: Reason of an exit, outcome of a fault, function of a write, operation on a page or root, kind of a flush or access; NULL for guest faults.
  level,  -- integer: Level of the table, for writes and pages; else NULL.
  count   -- integer: How many.
) AS
SELECT
  run, CASE context WHEN 0 THEN 'L1' WHEN 3 THEN NULL ELSE 'L2' END,
  CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN CASE kind WHEN 7 THEN 'nested_mmu' ELSE 'guest_mmu' END END,
  CASE kind WHEN 1 THEN 'exit' WHEN 2 THEN 'fault' WHEN 3 THEN 'write' WHEN 4 THEN 'page' WHEN 5 THEN 'root' WHEN 6 THEN 'flush' WHEN 7 THEN 'guest_fault' ELSE 'access' END,
  CASE kind
    WHEN 1 THEN CASE name
      WHEN 1 THEN 'EPT_VIOLATION' WHEN 2 THEN 'EPT_MISCONFIG' WHEN 3 THEN 'NPF' WHEN 4 THEN 'EXCEPTION_PF' WHEN 5 THEN 'CR0_WRITE'
      WHEN 6 THEN 'CR3_WRITE' WHEN 7 THEN 'CR4_WRITE' WHEN 8 THEN 'EFER_WRITE' WHEN 9 THEN 'INVLPG' WHEN 10 THEN 'INVPCID'
      WHEN 11 THEN 'PML_FULL' WHEN 12 THEN 'VMRUN' WHEN 13 THEN 'INVLPGA' WHEN 14 THEN 'NESTED_EXIT' ELSE CAST(name AS TEXT) END
    WHEN 2 THEN CASE name
      WHEN 0 THEN 'continue' WHEN 1 THEN 'retry' WHEN 2 THEN 'emulate' WHEN 3 THEN 'invalid' WHEN 4 THEN 'fixed' WHEN 5 THEN 'spurious' WHEN 6 THEN 'write_protected'
      WHEN 16 THEN 'guest_fault' WHEN 17 THEN 'failed' ELSE CAST(nullif(name, 255) AS TEXT) END
    WHEN 3 THEN (SELECT f.name FROM _function AS f WHERE f.function = t.name)
    WHEN 4 THEN CASE name
      WHEN 1 THEN 'create' WHEN 2 THEN 'find' WHEN 3 THEN 'zap' WHEN 4 THEN 'sync' WHEN 5 THEN 'unsync' WHEN 6 THEN 'free' ELSE CAST(name AS TEXT) END
    WHEN 5 THEN CASE name
      WHEN 1 THEN 'allocate' WHEN 2 THEN 'load' WHEN 3 THEN 'free' WHEN 4 THEN 'cache' WHEN 5 THEN 'fast_switch' WHEN 6 THEN 'obsolete_all' ELSE CAST(name AS TEXT) END
    WHEN 6 THEN CASE name
      WHEN 1 THEN 'remote' WHEN 2 THEN 'remote_range' WHEN 3 THEN 'current' WHEN 4 THEN 'guest' WHEN 5 THEN 'gva' WHEN 6 THEN 'all' ELSE CAST(name AS TEXT) END
    WHEN 8 THEN CASE name WHEN 0 THEN 'read' WHEN 1 THEN 'write' WHEN 2 THEN 'fetch' ELSE CAST(name AS TEXT) END
  END,
  CASE WHEN kind IN (3, 4) THEN level END,
  count
FROM _guest_tally AS t;
