-- title: Which process of the guest faults, and where
-- description: Faults by the page tables that the guest ran on (CR3; NULL where the run does not show it) and by the function of the guest that made
--   them: its name with `--symbols`, otherwise the instruction's address. Reads all faults of the run. With EPT no trace
--   shows CR3 (its loads make no exit and no tracepoint), with NPT a probe alone does: all of such a run is one row of NULL for each function.
-- param run run = first: Which run.
-- param top integer = 50: How many rows.
-- answer: cr3_hex, function, faults, fixed, writes, pages
-- needs: faults
-- empty: there was no fault.
WITH placed AS (
  SELECT f.*, (
    SELECT c.cr3 FROM guest_cr3 AS c
    WHERE c.run = coalesce(t.trace_run, f.run) AND c.vcpu = f.vcpu AND c.ordinal <= f.ordinal - coalesce(t.ordinal_offset, 0)
    ORDER BY c.ordinal DESC LIMIT 1) AS cr3
  FROM fault AS f LEFT JOIN trace_of AS t ON t.run = f.run
  WHERE f.run = :run
)
SELECT
  CASE WHEN cr3 IS NOT NULL THEN printf('0x%x', cr3) END AS cr3_hex, coalesce(symbol(rip, cr3), rip_hex) AS function, count(*) AS faults,
  sum(outcome = 'fixed') AS fixed, sum(writes) AS writes, count(DISTINCT address >> 12) AS pages, min(ordinal) AS first_ordinal, max(ordinal) AS last_ordinal
FROM placed
GROUP BY 1, 2
ORDER BY faults DESC, 1, 2
LIMIT :top;
