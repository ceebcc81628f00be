-- title: Everything that changed a guest frame's translation
-- description: Writes at all levels to entries that translate one guest frame (in tables that translate guest-physical addresses, or that
--   map the frame), each with the fault, exit and access behind it.
-- param run run = first: Which run.
-- param gfn integer: The guest frame: the address shifted right by 12.
-- answer: ordinal, level, change, function, access, outcome, chain
-- needs: table_write.links
-- empty: no entry that translates the frame was written.
SELECT
  w.ordinal, w.seq, w.level, w.table_id, w.idx, w.old_hex, w.new_hex,
  w.old_kind || coalesce(' ' || w.old_rights, '') || ' -> ' || w.new_kind || coalesce(' ' || w.new_rights, '') AS change,
  w.actor, w.function, w.chain, f.fault_id, f.address_hex AS fault_address, f.outcome, e.reason AS exit_reason, a.kind AS access, a.gva_hex, a.rip_hex
FROM table_write AS w
LEFT JOIN fault AS f ON f.run = w.run AND f.fault_id = w.fault_id
LEFT JOIN vm_exit AS e ON e.run = w.run AND e.exit_id = w.exit_id
LEFT JOIN access AS a ON a.run = w.run AND a.ordinal = w.ordinal
WHERE w.run = :run
  AND w.gfn IN (:gfn, :gfn >> 9 << 9, :gfn >> 18 << 18, :gfn >> 27 << 27, :gfn >> 36 << 36)
  AND w.gfn = :gfn >> (9 * (w.level - 1)) << (9 * (w.level - 1))
ORDER BY w.ordinal, w.seq;
