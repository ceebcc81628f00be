using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>Writes an observed history down: gives each record its place, hashes it, hands it on.</summary>
internal sealed class Scribe(IObservedHistory history)
{
    private readonly HistoryHash _hash = new();
    private readonly long[] _notes = new long[Enum.GetValues<ModelNote>().Length + 1];
    private int _exits;
    private int _faults;

    public ChainTable Chains { get; } = new(history);

    public long Seq { get; private set; }

    /// <summary>The event of the trace being read.</summary>
    public long Ordinal { get; set; }

    public IReadOnlyList<long> NoteCounts => _notes;

    public string Hash => _hash.ToString();

    public long NextSeq() => ++Seq;

    public int NextExit() => _exits++;

    public int NextFault() => _faults++;

    public void Exit(in VmExitRecord record)
    {
        _hash.Append(1, record, sizeof(GuestContext));
        history.OnExit(record);
    }

    public void Fault(in FaultRecord record, long end, ExitReason exit)
    {
        _hash.Append(2, record, sizeof(GuestContext));
        history.OnFault(record, end, exit);
    }

    /// <summary>A thread goes on as another guest. No part of the hash, as in runs of the model.</summary>
    public void GuestState(in GuestStateRecord record) => history.OnGuestState(record);

    public void Write(in TableWrite record)
    {
        _hash.Append(3, record, sizeof(GuestContext));
        history.OnWrite(record);
    }

    public void Page(in TablePageRecord record, uint roleMask)
    {
        _hash.Append(4, record, sizeof(GuestContext));
        history.OnTablePage(record, roleMask);
    }

    public void EarlierPage(in TablePageRecord record, uint roleMask)
    {
        _hash.Append(5, record, sizeof(GuestContext));
        history.OnEarlierPage(record, roleMask);
    }

    public void Learned(ObservedPage page) => history.OnPageLearned(new PageFacts(page.TableId, page.Pfn, page.Role, page.RoleMask, page.Context));

    public void Root(in RootRecord record)
    {
        _hash.Append(6, record, sizeof(GuestContext));
        history.OnRoot(record);
    }

    public void Flush(in TlbFlushRecord record)
    {
        _hash.Append(7, record, sizeof(GuestContext));
        history.OnFlush(record);
    }

    public void GuestFault(in GuestFaultRecord record)
    {
        _hash.Append(8, record, sizeof(GuestContext));
        history.OnGuestFault(record);
    }

    /// <summary>Notes what the trace itself says is missing.</summary>
    public void Note(ModelNote kind, ulong number, byte vcpu = Unseen.Byte)
    {
        _notes[(int)kind]++;
        if (_notes[(int)kind] > NotesReportedPerKind)
            return;
        var record = new ModelNoteRecord
        {
            Seq = Seq,
            Ordinal = Ordinal,
            Kind = kind,
            Gva = Unseen.Word,
            Recorded = number,
            Modelled = Unseen.Word,
            Vcpu = vcpu,
            Context = GuestContext.Unknown,
        };
        _hash.Append(9, record, sizeof(GuestContext));
        history.OnNote(record);
    }

    private const int NotesReportedPerKind = 1000;
}
