-- Changes of KVM's reverse maps (pte_list_add and its kin), which write no table entry. Stored only when asked for: see `run.has_rmap`.
CREATE VIEW rmap_change (
  run,       -- integer > run.run: Which run.
  ordinal,   -- integer: The trace event.
  seq,       -- integer: Place in the run's history.
  operation, -- text: `add` and `remove`: the gfn's list of entries; `add_parent` and `remove_parent`: a table page's list of parents.
  gfn,       -- integer: The guest frame whose list changed; for parents the frame of the child page.
  gfn_hex,   -- hex: The same.
  table_id,  -- integer > table_page.table_id: The table that holds the entry.
  level,     -- integer: Level of the entry.
  idx,       -- integer: Which entry, 0 to 511.
  child_id,  -- integer > table_page.table_id: For parents: the child page, else NULL.
  function,  -- text: The function.
  chain,     -- text: All functions on the way to it.
  fault_id,  -- integer > fault.fault_id: The fault being handled, NULL outside one.
  guest,     -- text: Whose translations the table holds: `L1`, or `L2`: a guest of the guest. NULL: not known.
  mmu        -- text: Whose tables: `root_mmu`'s, or `guest_mmu`'s, which shadow nested page tables that L1 made. NULL: not known.
) AS
SELECT
  run, ordinal, seq,
  CASE operation WHEN 1 THEN 'add' WHEN 2 THEN 'remove' WHEN 3 THEN 'add_parent' WHEN 4 THEN 'remove_parent' ELSE CAST(operation AS TEXT) END,
  gfn, printf('0x%x', gfn), table_id, level, idx, child_id,
  (SELECT f.name FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = o.run AND c.chain_id = o.chain_id),
  (SELECT c.path FROM _chain AS c WHERE c.run = o.run AND c.chain_id = o.chain_id),
  fault_id,
  CASE WHEN (SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id) = 0 THEN 'L1' WHEN (SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id) IN (1, 2, 4) THEN 'L2' END, CASE (SELECT p.context FROM _table_page AS p WHERE p.run = o.run AND p.table_id = o.table_id) WHEN 0 THEN 'root_mmu' WHEN 1 THEN 'root_mmu' WHEN 2 THEN 'guest_mmu' END
FROM _rmap_change AS o;
