-- One row for each VM exit that concerns the MMU.
CREATE VIEW vm_exit (
  run,          -- integer > run.run: Which run.
  exit_id,      -- integer: Number of the exit within the run, from 0.
  ordinal,      -- integer: The trace event that exited.
  seq,          -- integer: Place in the run's history; everything done for the exit follows with larger numbers.
  vcpu,         -- integer: The vCPU.
  reason,       -- text: Why: `EPT_VIOLATION`, `EPT_MISCONFIG`, `NPF`, `EXCEPTION_PF`, `CR0_WRITE`, `CR3_WRITE`, `CR4_WRITE`, `EFER_WRITE`, `INVLPG`, `INVPCID`, `PML_FULL`, `VMRUN`, `INVLPGA`, `INVEPT`, `INVVPID`, `NESTED_EXIT` (an exit of a nested guest handed to its own hypervisor).
  info1,        -- address: Exit qualification (EPT), EXITINFO1 (NPF), error code (#PF intercept). NULL where the trace of an observed run does not show it.
  info1_hex,    -- hex: The same.
  info2,        -- address: Guest-physical address (EPT, NPF), linear address (#PF intercept, INVLPG), value written (CR and EFER writes). NULL where the trace of an observed run does not show it.
  info2_hex,    -- hex: The same.
  access,       -- text: For EPT violations, NPF and #PF: what the access does, letters of `rwx`.
  entry_rights, -- text: For EPT violations: what the entries allowed together, as `rwx` with `-` for what is missing.
  final,        -- boolean: For EPT violations and NPF: 1: on the access itself, 0: on the walk of the guest's page tables.
  rip,          -- address: Guest RIP, 0 where the capture has none.
  rip_hex,      -- hex: The same.
  guest,        -- text: Who exited: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu           -- text: The MMU that its faults go to: `root_mmu`, or `guest_mmu`: L2 under nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, exit_id, ordinal, seq, vcpu,
  CASE reason
    WHEN 1 THEN 'EPT_VIOLATION' WHEN 2 THEN 'EPT_MISCONFIG' WHEN 3 THEN 'NPF' WHEN 4 THEN 'EXCEPTION_PF' WHEN 5 THEN 'CR0_WRITE'
    WHEN 6 THEN 'CR3_WRITE' WHEN 7 THEN 'CR4_WRITE' WHEN 8 THEN 'EFER_WRITE' WHEN 9 THEN 'INVLPG' WHEN 10 THEN 'INVPCID'
    WHEN 11 THEN 'PML_FULL' WHEN 12 THEN 'VMRUN' WHEN 13 THEN 'INVLPGA' WHEN 14 THEN 'NESTED_EXIT' WHEN 15 THEN 'INVEPT' WHEN 16 THEN 'INVVPID' ELSE CAST(reason AS TEXT) END,
  info1, CASE WHEN info1 IS NOT NULL THEN printf('0x%x', info1) END, info2, CASE WHEN info2 IS NOT NULL THEN printf('0x%x', info2) END,
  CASE
    WHEN reason = 1 THEN substr('-r', 1 + (info1 & 1), 1) || substr('-w', 1 + (info1 >> 1 & 1), 1) || substr('-x', 1 + (info1 >> 2 & 1), 1)
    WHEN info1 IS NULL THEN NULL
    WHEN reason IN (3, 4) THEN CASE WHEN info1 & 16 THEN '--x' WHEN info1 & 2 THEN '-w-' ELSE 'r--' END
  END,
  CASE WHEN reason = 1 THEN
    substr('-r', 1 + (info1 >> 3 & 1), 1) || substr('-w', 1 + (info1 >> 4 & 1), 1) || substr('-x', 1 + (info1 >> 5 & 1), 1) END,
  CASE reason WHEN 1 THEN info1 >> 8 & 1 WHEN 3 THEN info1 >> 32 & 1 END,
  rip, CASE WHEN rip IS NOT NULL THEN printf('0x%x', rip) END,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _vm_exit;
