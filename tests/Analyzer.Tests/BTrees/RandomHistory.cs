using Replay.Analyzer.Store;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Tests.BTrees;

/// <summary>
/// Records of every kind that is loaded, with numbers of every width in every column, some of them NULL: no guest does this, but rows may
/// hold it. Keys ascend, as a journal's do.
/// </summary>
internal sealed class RandomHistory(int seed)
{
    private readonly Random _random = new(seed);
    private long _ordinal;
    private long _seq;
    private int _id;

    public static RunSummary Summary { get; } = new() { HistoryHash = new string('7', 32), FirstOrdinal = 0, LastOrdinal = long.MaxValue };

    public void Play(IHistory history, int rounds)
    {
        for (var i = 0; i < rounds; i++)
        {
            _ordinal += 1 + Narrow();
            _id++;
            history.OnAccess(new AccessRecord
            {
                Ordinal = _ordinal,
                Gva = Word(),
                Gpa = Word(),
                Rip = Word(),
                Value = Word(),
                HasGpa = Flag(),
                HasValue = Flag(),
                Size = 8,
                Kind = AccessKind.Write,
                Vcpu = 1,
                Context = Whose(),
            });
            history.OnExit(new VmExitRecord { Seq = Next(), Ordinal = _ordinal, Info1 = Word(), Info2 = Word(), Rip = Word(), ExitId = _id, Context = Whose() });
            var first = Next();
            for (var write = _random.Next(4); write > 0; write--)
                Write(history);
            history.OnFault(new FaultRecord
            {
                Seq = first,
                Ordinal = _ordinal,
                Address = Word(),
                Gva = Word(),
                ErrorCode = Word(),
                Rip = Word(),
                FaultId = _id,
                ExitId = _random.Next(3) == 0 ? -1 : _id,
                Writes = _random.Next(),
                Outcome = RetPf.Fixed,
                Context = Whose(),
            });
            history.OnGuestFault(new GuestFaultRecord { Seq = Next(), Ordinal = _ordinal, Gva = Word(), Rip = Word(), ExitId = -1, ErrorCode = (uint)Word(), Context = Whose() });
            history.OnFlush(new TlbFlushRecord { Seq = Next(), Ordinal = _ordinal, Start = Word(), Pages = Word(), FaultId = _id, ExitId = -1, Context = Whose() });
            history.OnRoot(new RootRecord { Seq = Next(), Ordinal = _ordinal, Value = Word(), TableId = _id, ExitId = _id, Context = Whose() });
            history.OnRmap(new RmapRecord { Seq = Next(), Ordinal = _ordinal, Gfn = Word(), TableId = _id, ChildId = -1, FaultId = -1 });
            history.OnTablePage(new TablePageRecord { Seq = Next(), Ordinal = _ordinal, Gfn = Word(), TableId = _id, Operation = PageOperation.Find, Role = (uint)Word(), Context = Whose() });
        }
    }

    private void Write(IHistory history) => history.OnWrite(new TableWrite
    {
        Seq = Next(),
        Ordinal = _ordinal,
        Gfn = Word(),
        Old = Word(),
        New = Word(),
        FaultId = _random.Next(3) == 0 ? -1 : _id,
        ExitId = -1,
        TableId = _random.Next(1000),
        Index = (ushort)_random.Next(512),
        Level = 1,
        Context = Whose(),
    });

    private long Next() => _seq += 1 + Narrow();

    /// <summary>Mostly 0, so that a key often differs in its last column alone.</summary>
    private long Narrow() => _random.Next(4) == 0 ? (long)(Word() >> 40) : 0;

    private GuestContext Whose() => (GuestContext)_random.Next((int)GuestContext.SomeL2 + 1);

    private byte Flag() => (byte)_random.Next(2);

    /// <summary>As many bits as it likes, of either sign.</summary>
    private ulong Word()
    {
        var word = (ulong)_random.NextInt64(long.MinValue, long.MaxValue) >> _random.Next(64);
        return _random.Next(8) switch
        {
            0 => ~word,
            1 => word & 1,
            _ => word,
        };
    }
}
