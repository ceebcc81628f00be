using Replay.Analyzer.Store.Summaries;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>Counts the records of a run. What KVM counts as well has KVM's name and equals the number of rows that its meaning describes.</summary>
internal sealed class RunCounters(EntryClassifier entries)
{
    private readonly long[] _exits = new long[256];
    private readonly long[] _outcomes = new long[256];
    private readonly long[] _pageOperations = new long[256];
    private readonly long[] _shadowPageOperations = new long[256];
    private readonly long[] _flushes = new long[256];
    private readonly long[] _roots = new long[256];
    private long _faultsTaken;
    private long _guestFaults;
    private long _guestFaultsInjected;
    private long _accesses;

    public void Count(RecordBatch batch)
    {
        _accesses += batch.Accesses.Count;
        foreach (ref readonly var exit in batch.Exits.Records)
            _exits[(byte)exit.Reason]++;
        foreach (ref readonly var row in batch.Faults.Records)
        {
            _outcomes[(byte)row.Fault.Outcome]++;
            _faultsTaken += row.Fault.Handler == KvmFunction.HandleMmioPageFault ? 0 : 1;
        }

        foreach (ref readonly var page in batch.Pages.Records)
        {
            _pageOperations[(byte)page.Operation]++;
            _shadowPageOperations[(byte)page.Operation] += page.IsTdp == 0 && page.IsSpecial == 0 ? 1 : 0;
        }

        foreach (ref readonly var flush in batch.Flushes.Records)
            _flushes[(byte)flush.Kind]++;
        foreach (ref readonly var root in batch.Roots.Records)
            _roots[(byte)root.Operation]++;
        foreach (ref readonly var fault in batch.GuestFaults.Records)
        {
            _guestFaults++;
            _guestFaultsInjected += fault.ExitId >= 0 ? 1 : 0;
        }
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
        yield return new("pf_taken", _faultsTaken, "rows of fault whose handler is not handle_mmio_page_fault");
        yield return new("pf_fixed", _outcomes[(byte)RetPf.Fixed], "rows of fault with outcome fixed");
        yield return new("pf_emulate", _outcomes[(byte)RetPf.Emulate] + _outcomes[(byte)RetPf.WriteProtected], "rows of fault with outcome emulate, or write_protected and not retried");
        yield return new("pf_spurious", _outcomes[(byte)RetPf.Spurious], "rows of fault with outcome spurious");
        yield return new("pf_guest", _guestFaultsInjected, "rows of guest_fault with an exit");
        yield return new("pf_mmio_spte_created", writes.Sum(IsMmioMark), "rows of table_write with tracepoint mark_mmio_spte");
        yield return new("invlpg", _exits[(byte)ExitReason.Invlpg], "rows of vm_exit with reason INVLPG");
        yield return new(
            "remote_tlb_flush",
            _flushes[(byte)FlushKind.Remote] + _flushes[(byte)FlushKind.RemoteRange],
            "rows of tlb_flush with kind remote or remote_range");
        yield return new("mmu_cache_miss", _shadowPageOperations[(byte)PageOperation.Create], "rows of page_operation: create, outside the TDP MMU");
        yield return new("mmu_shadow_zapped", _shadowPageOperations[(byte)PageOperation.Zap], "rows of page_operation: zap, outside the TDP MMU");
        yield return new(
            "mmu_unsync",
            _pageOperations[(byte)PageOperation.Unsync] - _pageOperations[(byte)PageOperation.Sync],
            "unsync pages at the end: rows of page_operation, unsync less sync");
        yield return new("pages_4k", Mapped(writes, 1), "4 KiB entries at the end: rows of table_write that set one less those that took one away");
        yield return new("pages_2m", Mapped(writes, 2), "the same for 2 MiB entries");
        yield return new("pages_1g", Mapped(writes, 3), "the same for 1 GiB entries");
    }

    private IEnumerable<Counter> OwnCounters(WriteSummary writes, long rmapChanges)
    {
        yield return new("accesses_of_interest", _accesses, "rows of access");
        yield return new("vm_exits", _exits.Sum(), "rows of vm_exit");
        foreach (var reason in Enum.GetValues<ExitReason>())
            yield return new($"vm_exits_{(reason == ExitReason.PageFault ? "exception_pf" : SnakeCase.Of(reason))}", _exits[(byte)reason], "rows of vm_exit with that reason");
        yield return new("faults", _outcomes.Sum(), "rows of fault");
        foreach (var outcome in Enum.GetValues<RetPf>())
            yield return new($"faults_{SnakeCase.Of(outcome)}", _outcomes[(byte)outcome], "rows of fault with that outcome");
        yield return new("table_writes", writes.Sum(_ => true), "rows of table_write");
        yield return new("table_writes_hardware", writes.Sum(key => key.Actor == Actor.Hardware), "rows of table_write with actor hardware");
        yield return new(
            "table_writes_untraced",
            writes.Sum(key => key.Actor == Actor.Kvm && key.Tracepoint == Tracepoint.None),
            "rows of table_write by KVM that no tracepoint shows");
        foreach (var operation in Enum.GetValues<PageOperation>())
            yield return new($"pages_{SnakeCase.Of(operation)}", _pageOperations[(byte)operation], "rows of page_operation with that operation");
        foreach (var operation in Enum.GetValues<RootOperation>())
            yield return new($"roots_{SnakeCase.Of(operation)}", _roots[(byte)operation], "rows of root_change with that operation");
        yield return new("tlb_flushes", _flushes.Sum(), "rows of tlb_flush");
        yield return new("rmap_changes", rmapChanges, "rows of rmap_change, where they are stored");
        yield return new("guest_faults", _guestFaults, "rows of guest_fault");
    }

    private static IEnumerable<Counter> Notes(RunSummary summary)
    {
        foreach (var note in Enum.GetValues<ModelNote>())
        {
            var count = (int)note < summary.NoteCounts.Count ? summary.NoteCounts[(int)note] : 0;
            yield return new($"note_{SnakeCase.Of(note)}", count, "how often the model noted it; the first thousand are rows of model_note");
        }
    }

    /// <summary>What is mapped at the end follows from writes only if all of them are seen, with what they replace.</summary>
    private static bool NeedsOldValues(string counter) => counter is "pages_4k" or "pages_2m" or "pages_1g" or "mmu_unsync";

    private static bool IsMmioMark(WriteSummary.Key key) => key.Tracepoint is Tracepoint.MarkMmioSpte or Tracepoint.KvmTdpMmuSpteChangedAndMarkMmio;

    private static long Mapped(WriteSummary writes, int level) =>
        writes.Sum(key => key.Level == level && IsLeaf(key.NewKind) && !IsLeaf(key.OldKind))
        - writes.Sum(key => key.Level == level && IsLeaf(key.OldKind) && !IsLeaf(key.NewKind));

    private static bool IsLeaf(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge;
}
