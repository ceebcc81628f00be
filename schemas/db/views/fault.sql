-- One row for each page fault that KVM handled, with the error code as KVM decodes it.
CREATE VIEW fault (
  run,            -- integer > run.run: Which run.
  fault_id,       -- integer: Number of the fault within the run, from 0.
  ordinal,        -- integer: The trace event that faulted.
  seq,            -- integer: Place in the run's history where handling began.
  end_seq,        -- integer: The last place in history that belongs to it: what it did lies between.
  exit_id,        -- integer > vm_exit.exit_id: The exit it came from, NULL without one.
  vcpu,           -- integer: The vCPU.
  access,         -- text: What the guest did: `read`, `write` or `fetch`.
  address,        -- address: The address KVM handles: guest-physical with EPT and NPT or guest paging off, else guest-virtual.
  address_hex,    -- hex: The same.
  gva,            -- address: Guest-virtual address of the access. NULL in an observed run that does not show it.
  gva_hex,        -- hex: The same.
  rip,            -- address: The instruction, 0 where the capture has none; NULL where a trace does not show it.
  rip_hex,        -- hex: The same.
  error_code,     -- address: KVM's error code (PFERR bits).
  error_code_hex, -- hex: The same.
  present,        -- boolean: PFERR_PRESENT: the entry was present and forbade the access.
  write,          -- boolean: PFERR_WRITE.
  user,           -- boolean: PFERR_USER; with EPT: the access reads.
  reserved,       -- boolean: PFERR_RSVD: a reserved bit; an MMIO entry.
  fetch,          -- boolean: PFERR_FETCH.
  protection_key, -- boolean: PFERR_PK.
  guest_final,    -- boolean: PFERR_GUEST_FINAL: on the access itself (EPT, NPT).
  guest_page,     -- boolean: PFERR_GUEST_PAGE: on the walk of the guest's page tables (EPT, NPT).
  implicit,       -- boolean: PFERR_IMPLICIT_ACCESS.
  handler,        -- text: The handler, such as `kvm_tdp_page_fault`. NULL in an observed run that does not show it.
  outcome,        -- text: How it ended: `continue`, `retry`, `emulate`, `invalid`, `fixed`, `spurious`, `write_protected` (RET_PF_*); `guest_fault`: handed to the guest; `failed`: KVM_RUN returned an error. NULL in an observed run that does not show it.
  mapped_level,   -- integer: Level at which KVM mapped the page: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB); 0: none. NULL in an observed run that does not show it.
  writes,         -- integer: Table writes made while it was handled.
  nested,         -- boolean: A nested guest (L2) made it. NULL: not known.
  guest,          -- text: Who faulted: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu             -- text: The MMU that its faults go to: `root_mmu`, or `guest_mmu`: L2 under nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, fault_id, ordinal, seq, end_seq, exit_id, vcpu,
  CASE access WHEN 0 THEN 'read' WHEN 1 THEN 'write' WHEN 2 THEN 'fetch' ELSE CAST(access AS TEXT) END,
  address, printf('0x%x', address), gva, CASE WHEN gva IS NOT NULL THEN printf('0x%x', gva) END, rip, CASE WHEN rip IS NOT NULL THEN printf('0x%x', rip) END, error_code, printf('0x%x', error_code),
  error_code & 1, error_code >> 1 & 1, error_code >> 2 & 1, error_code >> 3 & 1, error_code >> 4 & 1, error_code >> 5 & 1,
  error_code >> 32 & 1, error_code >> 33 & 1, error_code >> 48 & 1,
  (SELECT name FROM _function AS f WHERE f.function = nullif(handler, 0)),
  CASE outcome
    WHEN 0 THEN 'continue' WHEN 1 THEN 'retry' WHEN 2 THEN 'emulate' WHEN 3 THEN 'invalid' WHEN 4 THEN 'fixed' WHEN 5 THEN 'spurious' WHEN 6 THEN 'write_protected'
    WHEN 16 THEN 'guest_fault' WHEN 17 THEN 'failed' ELSE CAST(outcome AS TEXT) END,
  mapped_level, writes, context IN (1, 2, 4),
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _fault;
