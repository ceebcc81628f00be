-- title: How an address of a guest's own guest was mapped after an event
-- description: The walks that lead from an address of L2 to the host's memory, entry by entry: through L2's page tables, each of their entries and the address itself through the
--   nested page tables that L1 made (NPT12), and through KVM's tables: those that the CPU walks for L2 (NPT02, or the shadow of L2's own tables), and with NPT also L1's, for the
--   address in L1's memory that it came to. `leads_to` is the address after the entry: L2's physical one, L1's, the host's. Of the L2 that ran last on the vCPU up to the event.
--   Entries of guests are those of the pages that the capture has as page tables; where it has not the content, `state` says so and the walk ends.
-- param run run = first: Which run.
-- param gva integer: The address as L2 uses it.
-- param ordinal integer = 9223372036854775807: The trace event; without it the end.
-- param vcpu integer = 0: Whose L2.
-- answer: walk, level, value_hex, state, leads_to
-- needs: guest
-- empty if (SELECT capture_source FROM run WHERE run = :run) = 'ftrace' then a trace has neither L2's page tables nor its hypervisor's.
-- empty: no guest of its own (L2) had run on that vCPU by then.
WITH RECURSIVE l2 AS (
  SELECT
    CASE WHEN NOT cr0 >> 31 & 1 THEN 0 WHEN NOT cr4 >> 5 & 1 THEN 2 WHEN NOT efer >> 10 & 1 THEN 3 WHEN cr4 >> 12 & 1 THEN 5 ELSE 4 END AS levels,
    cr4 >> 4 & 1 OR cr4 >> 5 & 1 AS has_large, cr3, mmu = 'guest_mmu' AS nested, nested_levels AS depth,
    nested_root & CASE nested_levels WHEN 3 THEN 0xfffffffffffe0 ELSE 0xffffffffff000 END AS root,
    (SELECT r.mode FROM run AS r WHERE r.run = :run) <> 'shadow' AS two_dimensional
  FROM guest_state
  WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND guest = 'L2'
  ORDER BY ordinal DESC, seq DESC
  LIMIT 1
),
-- A small machine. phase 0: the state; 1: where the next entry is; 2: what it holds. walk N: of NPT12, L: of L2's tables, E: at the end.
-- level: of the entry; base: of its table in L1's memory, or (L) its place there; target: the address of L2's memory that is being translated;
-- below: the level of L2's tables whose entry lies there, 0: it is the address itself.
machine (n, phase, walk, level, base, target, below, place, value) AS (
  SELECT
    0, 0, CASE WHEN nested THEN 'N' WHEN levels = 0 THEN 'E' ELSE 'L' END, CASE WHEN nested THEN depth ELSE levels END,
    CASE WHEN nested THEN root ELSE first END, first, levels, NULL, NULL
  FROM (
    SELECT *, CASE levels
      WHEN 0 THEN :gva
      WHEN 2 THEN (cr3 & 0xfffff000) + (:gva >> 22 & 1023) * 4
      WHEN 3 THEN (cr3 & 0xffffffe0) + (:gva >> 30 & 3) * 8
      ELSE (cr3 & 0xffffffffff000) + (:gva >> (9 * levels + 3) & 511) * 8 END AS first
    FROM l2)
  UNION ALL
  SELECT
    n + CASE phase WHEN 2 THEN 1 ELSE 0 END, (phase + 1) % 3,
    CASE
      WHEN phase < 2 THEN walk
      WHEN NOT coalesce(value & 1, 0) THEN 'X'
      WHEN walk = 'N' AND NOT (level = 1 OR (value >> 7 & 1 AND (level = 2 OR (level = 3 AND depth > 3)))) THEN 'N'
      WHEN walk = 'N' THEN CASE below WHEN 0 THEN 'E' ELSE 'L' END
      WHEN nested THEN 'N'
      WHEN level = 1 OR (value >> 7 & 1 AND has_large AND (level = 2 OR (level = 3 AND levels > 3))) THEN 'E'
      ELSE 'L' END,
    CASE
      WHEN phase < 2 THEN level
      WHEN walk = 'N' AND NOT (level = 1 OR (value >> 7 & 1 AND (level = 2 OR (level = 3 AND depth > 3)))) THEN level - 1
      WHEN walk = 'N' THEN below
      WHEN nested THEN depth
      ELSE level - 1 END,
    CASE
      WHEN phase < 2 THEN base
      WHEN walk = 'N' AND NOT (level = 1 OR (value >> 7 & 1 AND (level = 2 OR (level = 3 AND depth > 3)))) THEN value & 0xffffffffff000
      WHEN walk = 'N' THEN (value & 0xffffffffff000 & ~((1 << (12 + CASE depth WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1)) | (target & ((1 << (12 + CASE depth WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1))
      WHEN nested THEN root
      WHEN level = 1 OR (value >> 7 & 1 AND has_large AND (level = 2 OR (level = 3 AND levels > 3)))
        THEN (value & 0xffffffffff000 & ~((1 << (12 + CASE levels WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1)) | (:gva & ((1 << (12 + CASE levels WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1))
      ELSE (value & 0xffffffffff000) + CASE levels WHEN 2 THEN (:gva >> (12 + 10 * (level - 2)) & 1023) * 4 ELSE (:gva >> (12 + 9 * (level - 2)) & 511) * 8 END END,
    CASE
      WHEN phase < 2 OR walk = 'N' THEN target
      WHEN level = 1 OR (value >> 7 & 1 AND has_large AND (level = 2 OR (level = 3 AND levels > 3)))
        THEN (value & 0xffffffffff000 & ~((1 << (12 + CASE levels WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1)) | (:gva & ((1 << (12 + CASE levels WHEN 2 THEN 10 ELSE 9 END * (level - 1))) - 1))
      ELSE (value & 0xffffffffff000) + CASE levels WHEN 2 THEN (:gva >> (12 + 10 * (level - 2)) & 1023) * 4 ELSE (:gva >> (12 + 9 * (level - 2)) & 511) * 8 END END,
    CASE
      WHEN phase < 2 OR walk = 'N' THEN below
      WHEN level = 1 OR (value >> 7 & 1 AND has_large AND (level = 2 OR (level = 3 AND levels > 3))) THEN 0
      ELSE level - 1 END,
    CASE phase
      WHEN 0 THEN CASE
        WHEN walk = 'L' THEN base
        WHEN depth = 2 THEN base + (target >> (12 + 10 * (level - 1)) & 1023) * 4
        WHEN depth = 3 AND level = 3 THEN base + (target >> 30 & 3) * 8
        ELSE base + (target >> (12 + 9 * (level - 1)) & 511) * 8 END
      ELSE place END,
    CASE WHEN phase = 1 AND 1 = (
        SELECT g.value FROM guest_entry AS g WHERE g.run = :run AND g.gfn = place >> 12 AND g.idx IS NULL AND g.ordinal <= :ordinal ORDER BY g.ordinal DESC LIMIT 1)
      THEN coalesce((
        SELECT CASE CASE walk WHEN 'N' THEN depth ELSE levels END WHEN 2 THEN g.value >> (place >> 2 & 1) * 32 & 0xffffffff ELSE g.value END
        FROM guest_entry AS g
        WHERE g.run = :run AND g.gfn = place >> 12 AND g.idx = (place >> 3 & 511) AND g.ordinal <= :ordinal
          AND g.ordinal >= (SELECT max(h.ordinal) FROM guest_entry AS h WHERE h.run = :run AND h.gfn = place >> 12 AND h.idx IS NULL AND h.ordinal <= :ordinal)
        ORDER BY g.ordinal DESC LIMIT 1), 0) END
  FROM machine, l2
  WHERE walk IN ('N', 'L') AND n < 64
),
last AS (
  SELECT m.base, m.target, l2.nested, l2.two_dimensional FROM machine AS m, l2 WHERE m.walk = 'E' AND m.phase = 0
),
walked (part, name, address, table_id) AS (
  SELECT
    1, CASE WHEN nested THEN 'KVM for L2 (NPT02)' WHEN two_dimensional THEN 'KVM for L2 (NPT)' ELSE 'KVM for L2 (shadow)' END,
    CASE WHEN nested THEN target WHEN two_dimensional THEN base ELSE :gva END,
    (SELECT table_id FROM root_change WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND guest = 'L2' AND operation IN ('allocate', 'load', 'fast_switch')
      ORDER BY ordinal DESC, seq DESC LIMIT 1)
  FROM last
  UNION ALL
  SELECT
    2, 'KVM for L1 (NPT01)', base,
    (SELECT table_id FROM root_change WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND guest = 'L1' AND operation IN ('allocate', 'load', 'fast_switch')
      ORDER BY ordinal DESC, seq DESC LIMIT 1)
  FROM last WHERE two_dimensional
),
kvm (part, name, address, level, table_id, idx, value) AS (
  SELECT
    k.part, k.name, k.address, p.level, p.table_id, k.address >> (9 * p.level + 3) & 511,
    (SELECT w.new FROM table_write AS w
      WHERE w.run = :run AND w.table_id = p.table_id AND w.idx = (k.address >> (9 * p.level + 3) & 511) AND w.ordinal <= :ordinal
      ORDER BY w.ordinal DESC, w.seq DESC LIMIT 1)
  FROM walked AS k JOIN table_page AS p ON p.run = :run AND p.table_id = k.table_id
  UNION ALL
  SELECT
    k.part, k.name, k.address, p.level, p.table_id, k.address >> (9 * p.level + 3) & 511,
    (SELECT w.new FROM table_write AS w
      WHERE w.run = :run AND w.table_id = p.table_id AND w.idx = (k.address >> (9 * p.level + 3) & 511) AND w.ordinal <= :ordinal
      ORDER BY w.ordinal DESC, w.seq DESC LIMIT 1)
  FROM kvm AS k
  JOIN table_page AS p
    ON p.run = :run
    AND p.table_id = (
      SELECT t.table_id FROM table_page AS t
      WHERE t.run = :run AND t.hpa = (k.value & 0xffffffffff000) AND t.created_ordinal <= :ordinal AND (t.freed_ordinal IS NULL OR t.freed_ordinal > :ordinal)
      ORDER BY t.table_id DESC LIMIT 1)
  WHERE k.level > 1 AND k.value & 1 AND NOT (k.value >> 7 & 1 AND k.level < 4)
),
line (part, place, walk, translates, level, table_id, entry, value_hex, state, leads_to) AS (
  SELECT
    0, m.n, CASE m.walk WHEN 'N' THEN 'L1''s nested page tables (NPT12)' ELSE 'L2''s page tables' END,
    CASE m.walk WHEN 'N' THEN printf('L2 gpa 0x%x', m.target) ELSE printf('L2 gva 0x%x', :gva) END,
    m.level, NULL, printf('gpa 0x%x', m.place), CASE WHEN m.value IS NOT NULL THEN printf('0x%x', m.value) END,
    CASE
      WHEN m.value IS NULL THEN 'not known' WHEN NOT m.value & 1 THEN 'not present'
      WHEN CASE m.walk WHEN 'N' THEN next.walk = 'N' ELSE next.below > 0 END THEN 'table' WHEN m.level = 1 THEN 'page' ELSE 'huge' END,
    CASE
      WHEN NOT coalesce(m.value & 1, 0) THEN NULL
      WHEN m.walk = 'L' AND l2.nested THEN printf('L2 gpa 0x%x', next.target)
      ELSE printf('L1 gpa 0x%x', next.base) END
  FROM machine AS m JOIN machine AS next ON next.n = m.n + 1 AND next.phase = 0 CROSS JOIN l2
  WHERE m.phase = 2
  UNION ALL
  SELECT
    k.part, -k.level, k.name,
    CASE WHEN k.part = 2 OR (last.two_dimensional AND NOT last.nested) THEN 'L1 gpa' WHEN last.nested THEN 'L2 gpa' ELSE 'L2 gva' END || printf(' 0x%x', k.address),
    k.level, k.table_id, 'T' || k.table_id || '[' || k.idx || ']', printf('0x%x', coalesce(k.value, 0)),
    CASE WHEN NOT coalesce(k.value, 0) & 1 THEN 'not present' WHEN k.level = 1 THEN 'page' WHEN k.value >> 7 & 1 AND k.level < 4 THEN 'huge' ELSE 'table' END,
    CASE
      WHEN NOT coalesce(k.value, 0) & 1 THEN NULL
      WHEN k.level = 1 OR (k.value >> 7 & 1 AND k.level < 4)
        THEN printf('host 0x%x', (k.value & 0xffffffffff000 & ~((1 << (9 * k.level + 3)) - 1)) | (k.address & ((1 << (9 * k.level + 3)) - 1)))
      ELSE printf('host 0x%x', k.value & 0xffffffffff000) END
  FROM kvm AS k, last
)
SELECT walk, translates, level, table_id, entry, value_hex, state, leads_to
FROM line
ORDER BY part, place;
