using Replay.Analyzer.Store.Summaries;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>Counts the records of a run. What KVM counts as well has KVM's name and equals the number of rows that its meaning describes.</summary>
internal sealed class RunCounters(EntryClassifier entries)
{
    private readonly RecordCounts _counts = new();

    public void Count(RecordBatch batch)
    {
        _counts.CountAccesses(batch.Accesses.Count);
        foreach (ref readonly var exit in batch.Exits.Records)
            _counts.Count(exit);
        foreach (ref readonly var row in batch.Faults.Records)
            _counts.Count(row.Fault);
        foreach (ref readonly var page in batch.Pages.Records)
            _counts.Count(page);
        foreach (ref readonly var flush in batch.Flushes.Records)
            _counts.Count(flush);
        foreach (ref readonly var root in batch.Roots.Records)
            _counts.Count(root);
        foreach (ref readonly var fault in batch.GuestFaults.Records)
            _counts.Count(fault);
    }

    /// <summary>All counters, those of <paramref name="summary"/> included. Where the model keeps one that also follows from the records, its value counts.</summary>
    public IEnumerable<Counter> All(WriteSummary writes, long rmapChanges, RunSummary summary)
    {
        var byName = new SortedDictionary<string, Counter>(StringComparer.Ordinal);
        foreach (var counter in KernelCounters(writes).Concat(OwnCounters(writes, rmapChanges)).Concat(Notes(summary)))
        {
            // Of an observed run a zero may mean that the source does not show the thing.
            if (!entries.HasGaps || (counter.Value != 0 && !NeedsOldValues(counter.Name)))
                byName[counter.Name] = counter;
        }

        foreach (var counter in summary.Counters)
            byName[counter.Name] = byName.TryGetValue(counter.Name, out var derived) ? derived with { Value = counter.Value } : counter;
        return byName.Values;
    }

    private IEnumerable<Counter> KernelCounters(WriteSummary writes)
    {
        yield return new("pf_taken", _counts.FaultsTaken, "rows of fault whose handler is not handle_mmio_page_fault");
        yield return new("pf_fixed", _counts.Of(RetPf.Fixed), "rows of fault with outcome fixed");
        yield return new("pf_emulate", _counts.Of(RetPf.Emulate) + _counts.Of(RetPf.WriteProtected), "rows of fault with outcome emulate, or write_protected and not retried");
        yield return new("pf_spurious", _counts.Of(RetPf.Spurious), "rows of fault with outcome spurious");
        yield return new("pf_guest", _counts.GuestFaultsInjected, "rows of guest_fault with an exit");
        yield return new("pf_mmio_spte_created", writes.Sum(IsMmioMark), "rows of table_write with tracepoint mark_mmio_spte");
        yield return new("invlpg", _counts.Of(ExitReason.Invlpg), "rows of vm_exit with reason INVLPG");
        yield return new(
            "remote_tlb_flush",
            _counts.Of(FlushKind.Remote) + _counts.Of(FlushKind.RemoteRange),
            "rows of tlb_flush with kind remote or remote_range");
        yield return new("mmu_cache_miss", _counts.OfShadowPages(PageOperation.Create), "rows of page_operation: create, outside the TDP MMU");
        yield return new("mmu_shadow_zapped", _counts.OfShadowPages(PageOperation.Zap), "rows of page_operation: zap, outside the TDP MMU");
        yield return new(
            "mmu_unsync",
            _counts.Of(PageOperation.Unsync) - _counts.Of(PageOperation.Sync),
            "unsync pages at the end: rows of page_operation, unsync less sync");
        yield return new("pages_4k", Mapped(writes, 1), "4 KiB entries at the end: rows of table_write that set one less those that took one away");
        yield return new("pages_2m", Mapped(writes, 2), "the same for 2 MiB entries");
        yield return new("pages_1g", Mapped(writes, 3), "the same for 1 GiB entries");
    }

    private IEnumerable<Counter> OwnCounters(WriteSummary writes, long rmapChanges) =>
    [
        new("accesses_of_interest", _counts.Accesses, "rows of access"),
        new("vm_exits", _counts.Exits, "rows of vm_exit"),
        .. BySort<ExitReason>("vm_exits", reason => ExitReasonName.Of(reason).ToLowerInvariant(), _counts.Of, "rows of vm_exit with that reason"),
        new("faults", _counts.Faults, "rows of fault"),
        .. BySort<RetPf>("faults", SnakeCase.Of, _counts.Of, "rows of fault with that outcome"),
        new("table_writes", writes.Sum(_ => true), "rows of table_write"),
        new("table_writes_hardware", writes.Sum(key => key.Actor == Actor.Hardware), "rows of table_write with actor hardware"),
        new(
            "table_writes_untraced",
            writes.Sum(key => key.Actor == Actor.Kvm && key.Tracepoint == Tracepoint.None),
            "rows of table_write by KVM that no tracepoint shows"),
        .. BySort<PageOperation>("pages", SnakeCase.Of, _counts.Of, "rows of page_operation with that operation"),
        .. BySort<RootOperation>("roots", SnakeCase.Of, _counts.Of, "rows of root_change with that operation"),
        new("tlb_flushes", _counts.Flushes, "rows of tlb_flush"),
        new("rmap_changes", rmapChanges, "rows of rmap_change, where they are stored"),
        new("guest_faults", _counts.GuestFaults, "rows of guest_fault"),
    ];

    private static IEnumerable<Counter> Notes(RunSummary summary) => BySort<ModelNote>(
        "note",
        SnakeCase.Of,
        note => (int)note < summary.NoteCounts.Count ? summary.NoteCounts[(int)note] : 0,
        "how often the model noted it; the first thousand are rows of model_note");

    private static IEnumerable<Counter> BySort<T>(string prefix, Func<T, string> name, Func<T, long> count, string meaning)
        where T : struct, Enum => Enum.GetValues<T>().Select(sort => new Counter($"{prefix}_{name(sort)}", count(sort), meaning));

    /// <summary>What is mapped at the end follows from writes only if all of them are seen, with what they replace.</summary>
    private static bool NeedsOldValues(string counter) => counter is "pages_4k" or "pages_2m" or "pages_1g" or "mmu_unsync";

    private static bool IsMmioMark(WriteSummary.Key key) => key.Tracepoint is Tracepoint.MarkMmioSpte or Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio;

    private static long Mapped(WriteSummary writes, int level) =>
        writes.Sum(key => key.Level == level && IsLeaf(key.NewKind) && !IsLeaf(key.OldKind))
        - writes.Sum(key => key.Level == level && IsLeaf(key.OldKind) && !IsLeaf(key.NewKind));

    private static bool IsLeaf(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge;
}
