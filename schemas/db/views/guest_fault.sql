-- Page faults (#PF) that reached the guest.
CREATE VIEW guest_fault (
  run,        -- integer > run.run: Which run.
  ordinal,    -- integer: The trace event.
  seq,        -- integer: Place in the run's history.
  vcpu,       -- integer: The vCPU.
  gva,        -- address: The faulting address (CR2). NULL in an observed run that does not show it.
  gva_hex,    -- hex: The same.
  error_code, -- integer: The error code pushed.
  present,    -- boolean: Error code: the guest's entry was present and forbade the access.
  write,      -- boolean: Error code: a write.
  user,       -- boolean: Error code: at CPL 3.
  reserved,   -- boolean: Error code: a reserved bit of the guest's entry.
  fetch,      -- boolean: Error code: an instruction fetch.
  rip,        -- address: The instruction, 0 where the capture has none.
  rip_hex,    -- hex: The same.
  exit_id,    -- integer > vm_exit.exit_id: The exit that KVM injected it from; NULL: the CPU delivered it without an exit.
  recorded,   -- boolean: The capture saw this fault as well.
  guest,      -- text: Who gets it: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu         -- text: The MMU that stands for the walk that failed: `root_mmu`, or `nested_mmu`: of an L2 under nested page tables. NULL: not known.
) AS
SELECT
  run, ordinal, seq, vcpu, gva, CASE WHEN gva IS NOT NULL THEN printf('0x%x', gva) END, error_code,
  error_code & 1, error_code >> 1 & 1, error_code >> 2 & 1, error_code >> 3 & 1, error_code >> 4 & 1,
  rip, CASE WHEN rip IS NOT NULL THEN printf('0x%x', rip) END, exit_id, recorded,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END, CASE context WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'nested_mmu' END
FROM _guest_fault;
