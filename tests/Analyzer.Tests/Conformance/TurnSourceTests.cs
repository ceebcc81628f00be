using Replay.Analyzer.Conformance;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>Of a recording in which all vCPUs run, what the one that has the turn does.</summary>
public sealed class TurnSourceTests
{
    private const ulong Words = 0x1f8000;
    private const ulong Entry = 0x100040;
    private const ulong Data = 0x5000;

    private readonly TraceChunk _recorded = new() { HasRips = true };

    [Fact]
    public void What_a_vCPU_does_without_the_turn_is_left_out_and_a_turn_begins_with_the_read_of_its_own_word()
    {
        Add(0, 0, AccessKind.Write, Data);
        Add(1, 1, AccessKind.Read, Words + 8); // waits
        Add(2, 0, AccessKind.Write, Words + 8); // gives the turn to vCPU 1
        Add(3, 0, AccessKind.Read, Words); // waits from here on
        Add(4, 1, AccessKind.Write, Data); // has not seen it yet
        Add(5, 1, AccessKind.Read, Words + 8); // sees it
        Add(6, 1, AccessKind.Write, Words + 8); // takes it: gives nothing away
        Add(7, 0, AccessKind.Write, Data);
        Add(8, 1, AccessKind.Write, Words); // back to vCPU 0
        Add(9, 0, AccessKind.Read, Words);
        Add(10, 0, AccessKind.Read, Data);

        var (ordinals, turns) = Read();
        Assert.Equal([0, 2, 5, 6, 8, 9, 10], ordinals);
        Assert.Equal([new VcpuTurn(1, Entry, 5), new VcpuTurn(0, Rip(3), 9)], turns);
    }

    [Fact]
    public void A_vCPU_goes_on_behind_what_gave_its_turn_away_not_where_its_waiting_ended()
    {
        Add(0, 0, AccessKind.Write, Words + 8);
        Add(1, 0, AccessKind.Read, Words); // the instruction behind OUT
        Add(2, 0, AccessKind.Read, Words); // a loop of its own
        Add(3, 1, AccessKind.Read, Words + 8);
        Add(4, 1, AccessKind.Write, Words);
        Add(5, 0, AccessKind.Read, Words);
        Add(6, 0, AccessKind.Write, Words + 8);
        Add(7, 1, AccessKind.Read, Words + 8); // no turn came between: at once
        Add(8, 1, AccessKind.Write, Words);
        Add(9, 0, AccessKind.Read, Words);

        Assert.Equal([new VcpuTurn(1, Entry, 3), new VcpuTurn(0, Rip(1), 5), new VcpuTurn(1, Rip(7), 7), new VcpuTurn(0, Rip(9), 9)], Read().Turns);
    }

    [Fact]
    public void Events_of_a_vCPU_without_the_turn_go_too_and_what_is_told_of_the_machine_stays_before_the_turn()
    {
        Add(0, 0, AccessKind.Write, Words + 8);
        _recorded.Events.Add(new TraceEvent { Ordinal = 1, Kind = TraceEventKind.Cr3Write, Vcpu = 0, Value = 0x1000 });
        _recorded.Events.Add(new TraceEvent { Ordinal = 2, Kind = TraceEventKind.VcpuState, Vcpu = 1 });
        Add(3, 1, AccessKind.Read, Words + 8);
        _recorded.Events.Add(new TraceEvent { Ordinal = 4, Kind = TraceEventKind.Cr3Write, Vcpu = 1, Value = 0x2000 });
        _recorded.Events.Add(new TraceEvent { Ordinal = 5, Kind = TraceEventKind.PageTableStore, Vcpu = 1, Gpa = Words, Gva = Words, Size = 4, Value = 1 });
        _recorded.Events.Add(new TraceEvent { Ordinal = 6, Kind = TraceEventKind.Invlpg, Vcpu = 1, Gva = Data });

        var source = Open();
        var chunk = new TraceChunk();
        var before = new List<long>();
        while (source.TryRead(chunk) && source.Begun is null)
            before.AddRange(chunk.Events.Select(row => row.Ordinal));
        Assert.Equal([2L], before);
        Assert.Equal([4L, 5L], chunk.Events.Select(row => row.Ordinal));
        Assert.False(source.TryRead(chunk));
    }

    private static ulong Rip(long ordinal) => 0x100100 + ((ulong)ordinal * 16);

    private void Add(long ordinal, byte vcpu, AccessKind kind, ulong address) =>
        _recorded.Add(ordinal, vcpu, kind, AccessFlags.None, address, address, 4, Rip(ordinal));

    private TurnSource Open() => new(new OneChunk(_recorded), new TurnRule(0, Words, 8), Entry);

    private (List<long> Ordinals, List<VcpuTurn> Turns) Read()
    {
        var (source, chunk, ordinals, turns) = (Open(), new TraceChunk(), new List<long>(), new List<VcpuTurn>());
        while (source.TryRead(chunk))
        {
            if (source.Begun is { } turn)
                turns.Add(turn);
            ordinals.AddRange(chunk.Ordinals.Take(chunk.AccessCount));
        }

        return (ordinals, turns);
    }

    private sealed class OneChunk(TraceChunk content) : ITraceSource
    {
        private bool _isRead;

        public CaptureManifest Manifest { get; } = new() { Source = "test", Tool = "test", Vcpus = 2, HasRips = true };

        public bool TryRead(TraceChunk chunk)
        {
            chunk.Clear();
            if (_isRead)
                return false;
            _isRead = true;
            chunk.HasRips = content.HasRips;
            for (var i = 0; i < content.AccessCount; i++)
                chunk.Add(content.Ordinals[i], content.Vcpus[i], (AccessKind)content.Kinds[i], AccessFlags.None, content.Gvas[i], content.Gpas[i], content.Sizes[i], content.Rips[i]);
            chunk.Events.AddRange(content.Events);
            return true;
        }
    }
}
