-- TLB flushes that KVM asked for.
CREATE VIEW tlb_flush (
  run,       -- integer > run.run: Which run.
  ordinal,   -- integer: The trace event.
  seq,       -- integer: Place in the run's history.
  vcpu,      -- integer: The vCPU on whose behalf.
  requester, -- text: Who asked for it first: a vCPU's number, `host` (userspace, the host's memory management). A vCPU's flush of `all` comes when it next enters the guest, whoever asked and however often. NULL: not known.
  targets,   -- text: The vCPUs that must flush: `0-3` for four, one number for one. NULL: not known.
  kind,      -- text: `remote` (all vCPUs), `remote_range`, `current` (this vCPU, the current root), `guest` (this vCPU, everything of the guest), `gva` (one address), `all` (all contexts).
  start,     -- address: First gfn of a `remote_range`, the address of a `gva` flush, else 0.
  start_hex, -- hex: The same.
  pages,     -- integer: 4 KiB pages of a `remote_range`, else 0.
  function,  -- text: The function.
  chain,     -- text: All functions on the way to it.
  fault_id,  -- integer > fault.fault_id: The fault being handled, NULL outside one.
  exit_id,   -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
  guest      -- text: Who ran on the vCPU that asked, or that flushes: `L1` or `L2`; NULL: the host asked, or not known.
) AS
SELECT
  run, ordinal, seq, vcpu,
  CASE WHEN targets IS NOT NULL THEN coalesce(CAST(requester AS TEXT), 'host') END,
  CASE WHEN targets > 1 THEN '0-' || (targets - 1) WHEN targets = 1 THEN CAST(vcpu AS TEXT) END,
  CASE kind WHEN 1 THEN 'remote' WHEN 2 THEN 'remote_range' WHEN 3 THEN 'current' WHEN 4 THEN 'guest' WHEN 5 THEN 'gva' WHEN 6 THEN 'all' ELSE CAST(kind AS TEXT) END,
  start, printf('0x%x', start), pages,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  fault_id, exit_id,
  CASE WHEN context = 0 THEN 'L1' WHEN context IN (1, 2, 4) THEN 'L2' END
FROM _tlb_flush AS o;
