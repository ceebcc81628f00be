-- Page walks of the accesses that miss a TLB, by stretch of the trace and by the table entries they read.
--
-- The TLB is the same in every mode: 4096 entries of 4 KiB, direct-mapped, flushed by the guest only. So the walks of two runs of one capture
-- are the same walks, and differ in what they read. A walk over four guest levels and four of EPT reads 4 + 20 entries. Accesses that KVM emulates,
-- and walks that end in an exit, are not in it. A filtered capture has fewer accesses, and so fewer misses, than the full one.
CREATE VIEW walk_summary (
  run,              -- integer > run.run: Which run.
  first_ordinal,    -- integer: Where the stretch begins; stretches are of one length within a run.
  guest_references, -- integer: Entries of the guest's tables that each walk read; 0 in shadow paging and with guest paging off.
  kvm_references,   -- integer: Entries of KVM's tables that each walk read, for the guest's entries and for the page itself.
  walks             -- integer: How many such walks.
) AS
SELECT run, first_ordinal, guest_references, kvm_references, walks FROM _walk_count;
