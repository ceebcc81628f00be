-- How many exits of each reason, and what they led to: counted while they were stored.
CREATE VIEW exit_summary (
  run,           -- integer > run.run: Which run.
  reason,        -- text: Why, as in `vm_exit`.
  exits,         -- integer: How many.
  faults,        -- integer: Faults handled for them.
  writes,        -- integer: Table writes that KVM made for them, in these faults, outside of faults and on the way back into the guest (syncs of roots after a CR3 load).
  first_ordinal, -- integer: The trace event of the first.
  last_ordinal   -- integer: The trace event of the last.
) AS
SELECT
  run,
  CASE reason
    WHEN 1 THEN 'EPT_VIOLATION' WHEN 2 THEN 'EPT_MISCONFIG' WHEN 3 THEN 'NPF' WHEN 4 THEN 'EXCEPTION_PF' WHEN 5 THEN 'CR0_WRITE'
    WHEN 6 THEN 'CR3_WRITE' WHEN 7 THEN 'CR4_WRITE' WHEN 8 THEN 'EFER_WRITE' WHEN 9 THEN 'INVLPG' WHEN 10 THEN 'INVPCID'
    WHEN 11 THEN 'PML_FULL' WHEN 12 THEN 'VMRUN' WHEN 13 THEN 'INVLPGA' WHEN 14 THEN 'NESTED_EXIT' WHEN 15 THEN 'INVEPT' WHEN 16 THEN 'INVVPID' ELSE CAST(reason AS TEXT) END,
  exits, faults, writes, first_ordinal, last_ordinal
FROM _exit_count;
