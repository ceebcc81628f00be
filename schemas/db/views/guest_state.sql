-- How a vCPU stands: a row for each way into a guest's own guest (L2) and out of it, and for each change of a control register, from the first VMRUN on.
--
-- A row holds until the next one of its vCPU. Where KVM hands an exit of L2 to L1, `exit_id` is the exit that it came from.
CREATE VIEW guest_state (
  run,             -- integer > run.run: Which run.
  vcpu,            -- integer: The vCPU; NULL where a trace does not show it.
  ordinal,         -- integer: The trace event.
  seq,             -- integer: Place in the run's history of the record before it.
  cause,           -- text: `vmrun` (L2 is entered), `vmexit` (L1 gets an exit of L2), `registers` (a control register changed), `reentry` (the model had handed L1 an exit that the capture does not have).
  guest,           -- text: Who runs from here on: `L1` or `L2`.
  mmu,             -- text: Which MMU its faults go to: `root_mmu`, or `guest_mmu` (L2 under nested page tables that L1 made); NULL: not known.
  cr0,             -- address: Registers of who runs. NULL where a trace does not show them.
  cr0_hex,         -- hex: The same.
  cr3,             -- address: Of an L2 under `guest_mmu` it is a guest-physical address of L2.
  cr3_hex,         -- hex: The same.
  cr4,             -- address: See `cr0`.
  cr4_hex,         -- hex: The same.
  efer,            -- address: See `cr0`.
  efer_hex,        -- hex: The same.
  nested_root,     -- address: Root of the nested page tables that L1 made (nCR3); NULL without.
  nested_root_hex, -- hex: The same.
  nested_levels,   -- integer: Levels of these tables: 4 or 5, 3 (PAE), 2.
  vmcb,            -- address: Guest-physical address of the VMCB that L1 runs L2 by, or ran.
  vmcb_hex,        -- hex: The same.
  asid,            -- integer: Of an entry: the ASID that L1 gave L2.
  tlb_control,     -- integer: Of an entry: what L1 wants flushed: 0 nothing, 1 everything, 3 the ASID, 7 its entries that are not global.
  code,            -- integer: Of an exit: its code; under VMX its reason.
  code_name,       -- text: The same by name: `NPF`, `PF`, `VMMCALL`, `HLT`, ..., under VMX `EPT_VIOLATION`, `VMCALL`, ...; in hexadecimal where it has none here.
  info1,           -- address: Of an exit: EXITINFO1.
  info1_hex,       -- hex: The same.
  info2,           -- address: Of an exit: EXITINFO2.
  info2_hex,       -- hex: The same.
  exit_id          -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
) AS
SELECT
  run, nullif(vcpu, 255), ordinal, seq,
  CASE cause WHEN 1 THEN 'vmrun' WHEN 2 THEN 'vmexit' WHEN 3 THEN 'registers' WHEN 4 THEN 'reentry' ELSE CAST(cause AS TEXT) END,
  CASE context WHEN 0 THEN 'L1' WHEN 3 THEN NULL ELSE 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END,
  cr0, CASE WHEN cr0 IS NOT NULL THEN printf('0x%x', cr0) END, cr3, CASE WHEN cr3 IS NOT NULL THEN printf('0x%x', cr3) END,
  cr4, CASE WHEN cr4 IS NOT NULL THEN printf('0x%x', cr4) END, efer, CASE WHEN efer IS NOT NULL THEN printf('0x%x', efer) END,
  nested_root, CASE WHEN nested_root IS NOT NULL THEN printf('0x%x', nested_root) END, nested_levels,
  vmcb, CASE WHEN vmcb IS NOT NULL THEN printf('0x%x', vmcb) END, asid, tlb_control,
  CASE WHEN code >> 32 = 1 THEN code & 4294967295 ELSE code END, CASE
    WHEN code >> 32 = 1 THEN CASE code & 65535
      WHEN 0 THEN 'EXCEPTION_NMI' WHEN 1 THEN 'EXTERNAL_INTERRUPT' WHEN 2 THEN 'TRIPLE_FAULT' WHEN 3 THEN 'INIT_SIGNAL' WHEN 4 THEN 'SIPI_SIGNAL'
      WHEN 6 THEN 'OTHER_SMI' WHEN 7 THEN 'INTERRUPT_WINDOW' WHEN 8 THEN 'NMI_WINDOW' WHEN 9 THEN 'TASK_SWITCH' WHEN 10 THEN 'CPUID'
      WHEN 12 THEN 'HLT' WHEN 13 THEN 'INVD' WHEN 14 THEN 'INVLPG' WHEN 15 THEN 'RDPMC' WHEN 16 THEN 'RDTSC' WHEN 18 THEN 'VMCALL'
      WHEN 19 THEN 'VMCLEAR' WHEN 20 THEN 'VMLAUNCH' WHEN 21 THEN 'VMPTRLD' WHEN 22 THEN 'VMPTRST' WHEN 23 THEN 'VMREAD' WHEN 24 THEN 'VMRESUME'
      WHEN 25 THEN 'VMWRITE' WHEN 26 THEN 'VMOFF' WHEN 27 THEN 'VMON' WHEN 28 THEN 'CR_ACCESS' WHEN 29 THEN 'DR_ACCESS' WHEN 30 THEN 'IO_INSTRUCTION'
      WHEN 31 THEN 'MSR_READ' WHEN 32 THEN 'MSR_WRITE' WHEN 33 THEN 'INVALID_STATE' WHEN 34 THEN 'MSR_LOAD_FAIL' WHEN 36 THEN 'MWAIT_INSTRUCTION'
      WHEN 37 THEN 'MONITOR_TRAP_FLAG' WHEN 39 THEN 'MONITOR_INSTRUCTION' WHEN 40 THEN 'PAUSE_INSTRUCTION' WHEN 41 THEN 'MCE_DURING_VMENTRY'
      WHEN 43 THEN 'TPR_BELOW_THRESHOLD' WHEN 44 THEN 'APIC_ACCESS' WHEN 45 THEN 'EOI_INDUCED' WHEN 46 THEN 'GDTR_IDTR' WHEN 47 THEN 'LDTR_TR'
      WHEN 48 THEN 'EPT_VIOLATION' WHEN 49 THEN 'EPT_MISCONFIG' WHEN 50 THEN 'INVEPT' WHEN 51 THEN 'RDTSCP' WHEN 52 THEN 'PREEMPTION_TIMER'
      WHEN 53 THEN 'INVVPID' WHEN 54 THEN 'WBINVD' WHEN 55 THEN 'XSETBV' WHEN 56 THEN 'APIC_WRITE' WHEN 57 THEN 'RDRAND' WHEN 58 THEN 'INVPCID'
      WHEN 59 THEN 'VMFUNC' WHEN 60 THEN 'ENCLS' WHEN 61 THEN 'RDSEED' WHEN 62 THEN 'PML_FULL' WHEN 63 THEN 'XSAVES' WHEN 64 THEN 'XRSTORS'
      WHEN 67 THEN 'UMWAIT' WHEN 68 THEN 'TPAUSE' WHEN 74 THEN 'BUS_LOCK' WHEN 75 THEN 'NOTIFY'
      ELSE printf('0x%x', code & 65535) END
    WHEN code BETWEEN 0 AND 15 THEN 'READ_CR' || code
    WHEN code BETWEEN 16 AND 31 THEN 'WRITE_CR' || (code - 16)
    WHEN code BETWEEN 32 AND 63 THEN CASE WHEN code < 48 THEN 'READ_DR' ELSE 'WRITE_DR' END || (code & 15)
    ELSE CASE code
      WHEN 64 THEN 'DE' WHEN 65 THEN 'DB' WHEN 67 THEN 'BP' WHEN 68 THEN 'OF' WHEN 69 THEN 'BR' WHEN 70 THEN 'UD' WHEN 71 THEN 'NM' WHEN 72 THEN 'DF'
      WHEN 74 THEN 'TS' WHEN 75 THEN 'NP' WHEN 76 THEN 'SS' WHEN 77 THEN 'GP' WHEN 78 THEN 'PF' WHEN 80 THEN 'MF' WHEN 81 THEN 'AC' WHEN 82 THEN 'MC' WHEN 83 THEN 'XF'
      WHEN 96 THEN 'INTR' WHEN 97 THEN 'NMI' WHEN 98 THEN 'SMI' WHEN 99 THEN 'INIT' WHEN 100 THEN 'VINTR' WHEN 101 THEN 'CR0_SEL_WRITE'
      WHEN 110 THEN 'RDTSC' WHEN 111 THEN 'RDPMC' WHEN 112 THEN 'PUSHF' WHEN 113 THEN 'POPF' WHEN 114 THEN 'CPUID' WHEN 115 THEN 'RSM' WHEN 116 THEN 'IRET'
      WHEN 117 THEN 'SWINT' WHEN 118 THEN 'INVD' WHEN 119 THEN 'PAUSE' WHEN 120 THEN 'HLT' WHEN 121 THEN 'INVLPG' WHEN 122 THEN 'INVLPGA' WHEN 123 THEN 'IOIO'
      WHEN 124 THEN 'MSR' WHEN 125 THEN 'TASK_SWITCH' WHEN 126 THEN 'FERR_FREEZE' WHEN 127 THEN 'SHUTDOWN' WHEN 128 THEN 'VMRUN' WHEN 129 THEN 'VMMCALL'
      WHEN 130 THEN 'VMLOAD' WHEN 131 THEN 'VMSAVE' WHEN 132 THEN 'STGI' WHEN 133 THEN 'CLGI' WHEN 134 THEN 'SKINIT' WHEN 135 THEN 'RDTSCP' WHEN 136 THEN 'ICEBP'
      WHEN 137 THEN 'WBINVD' WHEN 138 THEN 'MONITOR' WHEN 139 THEN 'MWAIT' WHEN 141 THEN 'XSETBV' WHEN 1024 THEN 'NPF'
      ELSE CASE WHEN code IS NOT NULL THEN printf('0x%x', code) END END END,
  info1, CASE WHEN info1 IS NOT NULL THEN printf('0x%x', info1) END, info2, CASE WHEN info2 IS NOT NULL THEN printf('0x%x', info2) END, exit_id
FROM _guest_state;
