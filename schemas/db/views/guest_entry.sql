-- What the guests' own page tables held: L1's, the nested page tables that it made, and L2's. From the first VMRUN on, and of captures with nested guests alone.
--
-- The first rows of a page say that its content is known from there on (`idx` is NULL): all of it is 0 then but for entries given at the same ordinal or later.
-- Accessed and dirty bits are those that the replayed mode set.
CREATE VIEW guest_entry (
  run,       -- integer > run.run: Which run.
  gfn,       -- integer: The page, in L1's memory.
  gfn_hex,   -- hex: The same.
  idx,       -- integer: Which 8 bytes of it, 0 to 511; NULL: the page as a whole.
  ordinal,   -- integer: From this trace event on.
  value,     -- address: What they hold. Of the page as a whole: 1: it is known, 0: it is not known any more.
  value_hex  -- hex: The same.
) AS
SELECT run, gfn, printf('0x%x', gfn), CAST(NULL AS INTEGER), ordinal, known, printf('0x%x', known) FROM _guest_page
UNION ALL
SELECT run, gfn, printf('0x%x', gfn), idx, ordinal, value, printf('0x%x', value) FROM _guest_entry;
