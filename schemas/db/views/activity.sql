-- How many records of each sort there are in each stretch of the run: counted while they were stored.
--
-- A stretch is `run.stretch` ordinals, a power of two; the first begins at ordinal 0, so that the stretches of two runs of a capture can be
-- laid side by side. There are at most 1024. A sort that does not occur in a stretch has no row there.
CREATE VIEW activity (
  run,           -- integer > run.run: Which run.
  first_ordinal, -- integer: First ordinal of the stretch.
  last_ordinal,  -- integer: Last ordinal of the stretch.
  kind,          -- text: `exit`, `fault`, `write`, `page`, `root`, `flush`, `guest_fault`.
  name,          -- text: Reason of an exit, outcome of a fault, function of a write, operation on a page or root, kind of a flush; NULL for guest faults.
  level,         -- integer: Level of the table, for writes and pages; else NULL.
  count          -- integer: How many.
) AS
SELECT
  a.run, a.stretch << r.stretch_shift, (a.stretch + 1 << r.stretch_shift) - 1,
  CASE a.kind WHEN 1 THEN 'exit' WHEN 2 THEN 'fault' WHEN 3 THEN 'write' WHEN 4 THEN 'page' WHEN 5 THEN 'root' WHEN 6 THEN 'flush' ELSE 'guest_fault' END,
  CASE a.kind
    WHEN 1 THEN CASE a.name
      WHEN 1 THEN 'EPT_VIOLATION' WHEN 2 THEN 'EPT_MISCONFIG' WHEN 3 THEN 'NPF' WHEN 4 THEN 'EXCEPTION_PF' WHEN 5 THEN 'CR0_WRITE'
      WHEN 6 THEN 'CR3_WRITE' WHEN 7 THEN 'CR4_WRITE' WHEN 8 THEN 'EFER_WRITE' WHEN 9 THEN 'INVLPG' WHEN 10 THEN 'INVPCID'
      WHEN 11 THEN 'PML_FULL' WHEN 12 THEN 'VMRUN' WHEN 13 THEN 'INVLPGA' WHEN 14 THEN 'NESTED_EXIT' WHEN 15 THEN 'INVEPT' WHEN 16 THEN 'INVVPID' ELSE CAST(a.name AS TEXT) END
    WHEN 2 THEN CASE a.name
      WHEN 0 THEN 'continue' WHEN 1 THEN 'retry' WHEN 2 THEN 'emulate' WHEN 3 THEN 'invalid' WHEN 4 THEN 'fixed' WHEN 5 THEN 'spurious' WHEN 6 THEN 'write_protected'
      WHEN 16 THEN 'guest_fault' WHEN 17 THEN 'failed' ELSE CAST(nullif(a.name, 255) AS TEXT) END
    WHEN 3 THEN (SELECT f.name FROM _function AS f WHERE f.function = a.name)
    WHEN 4 THEN CASE a.name
      WHEN 1 THEN 'create' WHEN 2 THEN 'find' WHEN 3 THEN 'zap' WHEN 4 THEN 'sync' WHEN 5 THEN 'unsync' WHEN 6 THEN 'free' ELSE CAST(a.name AS TEXT) END
    WHEN 5 THEN CASE a.name
      WHEN 1 THEN 'allocate' WHEN 2 THEN 'load' WHEN 3 THEN 'free' WHEN 4 THEN 'cache' WHEN 5 THEN 'fast_switch' WHEN 6 THEN 'obsolete_all' ELSE CAST(a.name AS TEXT) END
    WHEN 6 THEN CASE a.name
      WHEN 1 THEN 'remote' WHEN 2 THEN 'remote_range' WHEN 3 THEN 'current' WHEN 4 THEN 'guest' WHEN 5 THEN 'gva' WHEN 6 THEN 'all' ELSE CAST(a.name AS TEXT) END
  END,
  CASE WHEN a.kind IN (3, 4) THEN a.level END,
  a.count
FROM _activity AS a
JOIN _run AS r ON r.run = a.run;
