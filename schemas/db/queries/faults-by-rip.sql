-- title: Instructions that fault most
-- description: The instructions with the most faults, their share of all faults of the run, and the table writes they led to.
--   One row with address 0x0 stands for those whose address the capture has not.
-- param run run = first: Which run.
-- param top integer = 20: How many, at most 1000.
-- answer: rip_hex, faults, percent, fixed, emulated, writes
-- needs: faults
-- empty: there was no fault.
SELECT
  rip_hex, faults, round(100.0 * faults / (SELECT c.value FROM counter AS c WHERE c.run = :run AND c.name = 'faults'), 2) AS percent,
  fixed, emulated, writes, first_ordinal, last_ordinal
FROM hot_rip
WHERE run = :run
ORDER BY faults DESC, rip < 0, rip
LIMIT :top;
