-- title: What a flush by a hypervisor in the guest costs
-- description: Each way in which L1 asks for a flush of L2's translations: VMRUN (by TLB_CONTROL, and whether the ASID is a new one) and INVLPGA, with the entries
--   of L2's tables that KVM wrote for it before L2 went on (syncing what L1 changed), the tables it synced and zapped, its flushes,
--   and the faults of L2 from there to its next way out. KVM 6.1 and 6.12 sync and flush at every VMRUN: TLB_CONTROL changes nothing.
-- param run run = every: Which run.
-- answer: run, request, times, entries_written, tables_zapped, flushes
-- needs: guest
-- empty: no guest of its own (L2) ran in it.
WITH entry AS (
  SELECT
    run, vcpu, ordinal, seq, cause, tlb_control, asid,
    lag(asid) OVER (PARTITION BY run, vcpu, cause = 'vmrun' ORDER BY seq) AS asid_before,
    lead(seq, 1, 9223372036854775807) OVER (PARTITION BY run, vcpu ORDER BY seq) AS next_seq
  FROM guest_state
  WHERE cause IN ('vmrun', 'vmexit') AND (:run IS NULL OR run = :run)
),
request AS (
  SELECT
    run, ordinal, seq, next_seq,
    'VMRUN' || CASE WHEN tlb_control IS NULL THEN '' WHEN tlb_control = 0 THEN ', no flush asked for' ELSE ', TLB_CONTROL ' || tlb_control END
      || CASE WHEN asid <> asid_before THEN ', another ASID' ELSE '' END AS request
  FROM entry WHERE cause = 'vmrun'
  UNION ALL
  SELECT run, ordinal, seq, NULL, reason FROM vm_exit WHERE reason = 'INVLPGA' AND (:run IS NULL OR run = :run)
),
span AS (
  SELECT
    q.run, q.request, q.ordinal, q.seq, q.next_seq,
    (SELECT e.ordinal FROM vm_exit AS e WHERE e.run = q.run AND e.ordinal >= q.ordinal AND e.seq > q.seq ORDER BY e.ordinal, e.seq LIMIT 1) AS exit_ordinal,
    (SELECT e.seq FROM vm_exit AS e WHERE e.run = q.run AND e.ordinal >= q.ordinal AND e.seq > q.seq ORDER BY e.ordinal, e.seq LIMIT 1) AS exit_seq,
    (SELECT x.ordinal FROM guest_state AS x WHERE x.run = q.run AND x.ordinal >= q.ordinal AND x.seq >= q.next_seq ORDER BY x.ordinal, x.seq LIMIT 1) AS next_ordinal
  FROM request AS q
),
cost AS (
  SELECT
    q.run, q.request,
    (SELECT count(*) FROM table_write AS w
      WHERE w.run = q.run AND w.ordinal BETWEEN q.ordinal AND coalesce(q.exit_ordinal, w.ordinal) AND w.seq > q.seq AND w.seq < coalesce(q.exit_seq, w.seq + 1)
        AND w.guest = 'L2' AND w.actor = 'kvm') AS writes,
    (SELECT count(*) FROM table_write AS w
      WHERE w.run = q.run AND w.ordinal BETWEEN q.ordinal AND coalesce(q.exit_ordinal, w.ordinal) AND w.seq > q.seq AND w.seq < coalesce(q.exit_seq, w.seq + 1)
        AND w.guest = 'L2' AND w.new_kind IN ('none', 'removed')) AS cleared,
    (SELECT sum(p.operation = 'sync') FROM page_operation AS p
      WHERE p.run = q.run AND p.ordinal BETWEEN q.ordinal AND coalesce(q.exit_ordinal, p.ordinal) AND p.seq > q.seq AND p.seq < coalesce(q.exit_seq, p.seq + 1)
        AND p.guest = 'L2') AS synced,
    (SELECT sum(p.operation = 'zap') FROM page_operation AS p
      WHERE p.run = q.run AND p.ordinal BETWEEN q.ordinal AND coalesce(q.exit_ordinal, p.ordinal) AND p.seq > q.seq AND p.seq < coalesce(q.exit_seq, p.seq + 1)
        AND p.guest = 'L2') AS zapped,
    (SELECT count(*) FROM tlb_flush AS t
      WHERE t.run = q.run AND t.ordinal BETWEEN q.ordinal AND coalesce(q.exit_ordinal, t.ordinal) AND t.seq > q.seq AND t.seq < coalesce(q.exit_seq, t.seq + 1)) AS flushes,
    (SELECT count(*) FROM fault AS f
      WHERE q.next_seq IS NOT NULL AND f.run = q.run AND f.ordinal BETWEEN q.ordinal AND coalesce(q.next_ordinal, f.ordinal) AND f.seq > q.seq AND f.seq < q.next_seq
        AND f.guest = 'L2') AS faults
  FROM span AS q
)
SELECT
  r.name AS run, c.request, count(*) AS times, sum(c.writes) AS entries_written, round(1.0 * sum(c.writes) / count(*), 2) AS per_time, max(c.writes) AS most,
  sum(c.cleared) AS entries_cleared, coalesce(sum(c.synced), 0) AS tables_synced, coalesce(sum(c.zapped), 0) AS tables_zapped, sum(c.flushes) AS flushes, sum(c.faults) AS faults_after
FROM cost AS c
JOIN run AS r ON r.run = c.run
GROUP BY c.run, r.name, c.request
ORDER BY c.run, times DESC, c.request;
