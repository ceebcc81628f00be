-- title: Pages that faulted again and again
-- description: The pages that KVM had to map more than once, most often first: how many faults, how many of them mapped the page again
--   after the first time, and how few trace events lay between two. The address is of the kind that `fault.address` is. Counted are faults
--   whose outcome is `fixed`: in an observed run without probes on returns, those in which a leaf was set.
-- param run run = first: Which run.
-- param top integer = 20: How many, at most 1000.
-- answer: address_hex, faults, refaults, spurious, emulated, writes
-- needs: faults
-- empty: no page was mapped twice by faults.
SELECT
  address_hex, faults, fixed - 1 AS refaults, spurious, emulated, writes, shortest AS fewest_ordinals_between, first_ordinal, last_ordinal
FROM hot_address
WHERE run = :run AND fixed > 1
ORDER BY fixed DESC, shortest, address < 0, address
LIMIT :top;
