-- Roots of the table trees: allocated, loaded into the CPU, kept for a fast switch, dropped.
CREATE VIEW root_change (
  run,       -- integer > run.run: Which run.
  ordinal,   -- integer: The trace event.
  seq,       -- integer: Place in the run's history.
  vcpu,      -- integer: The vCPU.
  operation, -- text: `allocate`, `load`, `free`, `cache` (kept as a previous root), `fast_switch` (a previous root is current again), `obsolete_all` (every root of the VM is obsolete: kvm_mmu_zap_all_fast).
  table_id,  -- integer > table_page.table_id: The root's page.
  value,     -- address: The register that names it: EPTP, nCR3 or CR3; when a shadow root is allocated, the guest's CR3. NULL in an observed run that does not show it.
  value_hex, -- hex: The same.
  function,  -- text: The function.
  chain,     -- text: All functions on the way to it.
  exit_id,   -- integer > vm_exit.exit_id: The exit being handled, NULL outside one.
  guest,     -- text: Whom the root is for: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu        -- text: Whose root: `root_mmu`'s or `guest_mmu`'s. NULL: not known.
) AS
SELECT
  run, ordinal, seq, vcpu,
  CASE operation WHEN 1 THEN 'allocate' WHEN 2 THEN 'load' WHEN 3 THEN 'free' WHEN 4 THEN 'cache' WHEN 5 THEN 'fast_switch' WHEN 6 THEN 'obsolete_all' ELSE CAST(operation AS TEXT) END,
  table_id, value, CASE WHEN value IS NOT NULL THEN printf('0x%x', value) END,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  exit_id,
  CASE WHEN coalesce((SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id), o.context) = 0 THEN 'L1' WHEN coalesce((SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id), o.context) IN (1, 2, 4) THEN 'L2' END, CASE coalesce((SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id), o.context) WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _root_change AS o;
