-- title: How long faults take, by cause
-- description: Faults by what they were for, with the table writes they led to. In a run that a trace is behind, also by its clock (nanoseconds,
--   if it has seconds): from the fault to the first line of a leaf that it set, and from the
--   fault to the guest's next entry. Other runs have no clock, and NULL there. Reads the whole run.
-- param run run = first: Which run.
-- answer: cause, access, faults, mean_to_mapping, mean_to_entry, writes, mapped_level
-- needs: faults
-- empty: there was no fault.
WITH timed AS (
  SELECT
    f.run, f.fault_id, f.outcome, f.mapped_level, f.access, f.writes,
    CASE
      WHEN f.nested THEN 'of a nested guest'
      WHEN f.reserved OR f.outcome = 'emulate' THEN 'device, or emulated'
      WHEN f.outcome IN ('spurious', 'retry', 'failed', 'guest_fault', 'write_protected') THEN f.outcome
      WHEN f.outcome IS NULL THEN 'how it ended is not shown'
      WHEN f.present AND f.write THEN 'write to an entry that was read-only'
      WHEN EXISTS (SELECT 1 FROM table_write AS b WHERE b.run = f.run AND b.gfn = f.address >> 12 AND b.level = 1 AND b.seq < f.seq AND b.new_kind = 'page') THEN 'mapped again'
      ELSE 'mapped'
    END AS cause,
    b.time AS began,
    (SELECT e.time FROM observed_event AS e WHERE e.run = t.trace_run AND e.ordinal = (
       SELECT min(w.ordinal) FROM table_write AS w
       WHERE w.run = t.trace_run AND w.new_kind IN ('page', 'huge') AND w.fault_id = CASE WHEN t.trace_run = f.run THEN f.fault_id ELSE (
         SELECT min(o.fault_id) FROM fault AS o WHERE o.run = t.trace_run AND o.ordinal = f.ordinal - t.ordinal_offset) END)) AS mapped,
    (SELECT e.time FROM observed_event AS e
     WHERE e.run = t.trace_run AND e.ordinal > f.ordinal - t.ordinal_offset AND e.ordinal < f.ordinal - t.ordinal_offset + 65536 AND e.pid = b.pid AND e.name = 'kvm_entry'
     ORDER BY e.ordinal LIMIT 1) AS entered
  FROM fault AS f
  LEFT JOIN trace_of AS t ON t.run = f.run
  LEFT JOIN observed_event AS b ON b.run = t.trace_run AND b.ordinal = f.ordinal - t.ordinal_offset
  WHERE f.run = :run
)
SELECT
  cause, access, mapped_level, count(*) AS faults, sum(writes) AS writes,
  CAST(avg(mapped - began) AS INTEGER) AS mean_to_mapping, max(mapped - began) AS longest_to_mapping,
  CAST(avg(entered - began) AS INTEGER) AS mean_to_entry, min(entered - began) AS shortest_to_entry, max(entered - began) AS longest_to_entry,
  sum(entered - began) AS total_to_entry
FROM timed
GROUP BY cause, access, mapped_level
ORDER BY faults DESC, cause, access, mapped_level;
