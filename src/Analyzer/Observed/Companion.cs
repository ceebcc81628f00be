using System.Runtime.InteropServices;
using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Observed;

/// <summary>What a row of a companion run rests on. The numbers are stored.</summary>
public enum WriteOrigin : byte
{
    /// <summary>A line of the trace shows the write.</summary>
    Seen = 1,

    /// <summary>No tracepoint shows such a write: it follows from what was seen.</summary>
    Derived = 2,

    /// <summary>The entry was there before the trace, or before events were lost: the model makes it anew to go on from.</summary>
    Earlier = 3,

    /// <summary>A tracepoint would show it, and the trace does not have it.</summary>
    Missing = 4,

    /// <summary>Of a row of the observed run: the model does not make this write.</summary>
    Unmodelled = 5,

    /// <summary>No tracepoint shows such a write, and no line the event that it follows from: when that was is taken from what faults need later.</summary>
    Assumed = 6,
}

/// <summary>The writes and the table pages that a trace shows, by their place.</summary>
public sealed class SeenWrites
{
    internal sealed class Seen
    {
        public required long Ordinal { get; init; }

        public required long Seq { get; init; }

        public required ulong New { get; init; }

        public bool IsTaken { get; set; }
    }

    private readonly Dictionary<(int Level, ulong Gfn), List<Seen>> _writes = [];
    private readonly Dictionary<(int Level, ulong Gfn), List<Seen>> _pages = [];

    public long Count { get; private set; }

    public void Add(in TableWrite write)
    {
        if (write.Gfn == Unseen.Word)
            return;
        Count++;
        Append(_writes, (write.Level, write.Gfn), new Seen { Ordinal = write.Ordinal, Seq = write.Seq, New = write.New });
    }

    public void Add(in TablePageRecord page)
    {
        if (page.Operation == PageOperation.Create)
            Append(_pages, (page.Level, page.Gfn), new Seen { Ordinal = page.Ordinal, Seq = page.Seq, New = 0 });
    }

    internal IReadOnlyList<Seen> Writes(int level, ulong gfn) => _writes.TryGetValue((level, gfn), out var list) ? list : [];

    internal IReadOnlyList<Seen> Pages(int level, ulong gfn) => _pages.TryGetValue((level, gfn), out var list) ? list : [];

    /// <summary>Writes that nothing took, in the order of the trace.</summary>
    internal IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> Left =>
        [.. _writes.Values.SelectMany(list => list).Where(seen => !seen.IsTaken).OrderBy(seen => seen.Ordinal).ThenBy(seen => seen.Seq).Select(seen => (seen.Ordinal, seen.Seq, WriteOrigin.Unmodelled))];

    private static void Append(Dictionary<(int Level, ulong Gfn), List<Seen>> places, (int Level, ulong Gfn) place, Seen seen)
    {
        ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(places, place, out _);
        (list ??= []).Add(seen);
    }
}

/// <summary>
/// The history of a capture that was made of a trace, held against the trace write by write: what was seen, what is derived, and where
/// the two part.
/// </summary>
/// <param name="history">Where the history goes.</param>
/// <param name="seen">What the trace shows.</param>
/// <param name="entries">How entries are told apart.</param>
/// <param name="offset">Capture ordinals minus trace ordinals.</param>
/// <param name="earlier">Capture ordinals at which the replay makes what is older than what was seen.</param>
/// <param name="assumed">Capture ordinals of events that no line shows.</param>
public sealed class Companion(IHistory history, SeenWrites seen, EntryClassifier entries, long offset, IReadOnlySet<long> earlier, IReadOnlySet<long> assumed) : IHistory
{
    /// <summary>Lines that belong to a fault come after it, and before so many others at most.</summary>
    private const long Reach = 4096;

    /// <summary>Those of what the host does at once: a memslot's end takes a line for each of its entries.</summary>
    private const long HostReach = 1 << 22;

    private readonly HashSet<ulong> _earlierPages = [];
    private readonly List<(long Ordinal, long Seq, WriteOrigin Origin)> _origins = [];
    private readonly long[] _counts = new long[(int)WriteOrigin.Assumed + 1];

    public IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> Origins => _origins;

    public long Of(WriteOrigin origin) => _counts[(int)origin];

    /// <summary>Writes of the trace that the model did not make. To be asked when the replay is over.</summary>
    public IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> Unmodelled => seen.Left;

    public void OnWrite(in TableWrite record)
    {
        history.OnWrite(record);
        if (record.Actor == Actor.Hardware)
            return;
        var origin = OriginOf(record);
        _counts[(int)origin]++;
        _origins.Add((record.Ordinal, record.Seq, origin));
    }

    public void OnTablePage(in TablePageRecord record)
    {
        history.OnTablePage(record);
        if (record.Operation != PageOperation.Create || record.IsSpecial != 0)
            return;
        if (!earlier.Contains(record.Ordinal) && Take(seen.Pages(record.Level, record.Gfn), record.Ordinal, _ => true, Reach))
            _earlierPages.Remove(record.Pfn);
        else
            _earlierPages.Add(record.Pfn);
    }

    public void OnChain(int chainId, ReadOnlySpan<KvmFunction> functions) => history.OnChain(chainId, functions);

    public void OnExit(in VmExitRecord record) => history.OnExit(record);

    public void OnFault(in FaultRecord record) => history.OnFault(record);

    public void OnRoot(in RootRecord record) => history.OnRoot(record);

    public void OnFlush(in TlbFlushRecord record) => history.OnFlush(record);

    public void OnRmap(in RmapRecord record) => history.OnRmap(record);

    public void OnGuestFault(in GuestFaultRecord record) => history.OnGuestFault(record);

    public void OnNote(in ModelNoteRecord record) => history.OnNote(record);

    public void OnFastFault(in FastFaultRecord record) => history.OnFastFault(record);

    public void OnAccess(in AccessRecord record) => history.OnAccess(record);

    public void OnGuestState(in GuestStateRecord record) => history.OnGuestState(record);

    public void OnGuestEntry(in GuestEntryRecord record) => history.OnGuestEntry(record);

    private WriteOrigin OriginOf(TableWrite record)
    {
        if (earlier.Contains(record.Ordinal))
            return WriteOrigin.Earlier;
        var kind = entries.Classify(record.New, record.Level);
        if (Take(seen.Writes(record.Level, record.Gfn), record.Ordinal, write => Alike(write, record.New, kind, record.Level), record.FaultId < 0 ? HostReach : Reach))
            return WriteOrigin.Seen;
        if (kind == EntryKind.Table && _earlierPages.Contains(new Spte(record.New).Pfn))
            return WriteOrigin.Earlier;
        if (record.Tracepoint != Tracepoint.None)
            return WriteOrigin.Missing;
        return assumed.Contains(record.Ordinal) ? WriteOrigin.Assumed : WriteOrigin.Derived;
    }

    /// <summary>Table pages have other frames in the model. Everything else is as the kernel makes it, bit for bit, but for MMIO, of which no line tells the value.</summary>
    private bool Alike(ulong write, ulong value, EntryKind kind, int level) =>
        write == value || (write == Unseen.Word && kind == EntryKind.Mmio) || (kind is EntryKind.Table or EntryKind.Mmio && entries.Classify(write, level) == kind);

    private bool Take(IReadOnlyList<SeenWrites.Seen> list, long ordinal, Func<ulong, bool> alike, long reach)
    {
        ordinal -= offset;
        foreach (var candidate in list)
        {
            if (candidate.IsTaken || candidate.Ordinal < ordinal - Reach)
                continue;
            if (candidate.Ordinal > ordinal + reach || !alike(candidate.New))
                return false;
            candidate.IsTaken = true;
            return true;
        }

        return false;
    }
}
