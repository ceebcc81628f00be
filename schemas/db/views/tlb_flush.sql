-- TLB flushes that KVM asked for.
CREATE VIEW tlb_flush (
  run,       -- integer > run.run: Which run.
  ordinal,   -- integer: The trace event.
  seq,       -- integer: Place in the run's history.
  vcpu,      -- integer: The vCPU on whose behalf.
  kind,      -- text: `remote` (all vCPUs), `remote_range`, `current` (this vCPU, the current root), `guest` (this vCPU, everything of the guest), `gva` (one address), `all` (all contexts).
  start,     -- address: First gfn of a `remote_range`, the address of a `gva` flush, else 0.
  start_hex, -- hex: The same.
  pages,     -- integer: 4 KiB pages of a `remote_range`, else 0.
  function,  -- text: The function.
  chain,     -- text: All functions on the way to it.
  fault_id,  -- integer > fault.fault_id: The fault being handled, NULL outside one.
  exit_id    -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
) AS
SELECT
  run, ordinal, seq, vcpu,
  CASE kind WHEN 1 THEN 'remote' WHEN 2 THEN 'remote_range' WHEN 3 THEN 'current' WHEN 4 THEN 'guest' WHEN 5 THEN 'gva' WHEN 6 THEN 'all' ELSE kind END,
  start, printf('0x%x', start), pages,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  fault_id, exit_id
FROM _tlb_flush AS o;
