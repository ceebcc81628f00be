using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>What concerns several vCPUs reaches each of them, and its flushes say who asked and who must flush.</summary>
public sealed class SeveralVcpusTests
{
    private const ulong Ram = 2 << 20;

    private readonly Kvm.Recorder _recorder = new();
    private long _ordinal;

    [Theory]
    [InlineData(MmuMode.Ept)]
    [InlineData(MmuMode.NptTdp)]
    [InlineData(MmuMode.Shadow)]
    public void A_host_event_is_flushed_by_every_vCPU_at_its_own_next_entry(MmuMode mode)
    {
        var session = Start(mode, vcpus: 3);
        for (byte vcpu = 0; vcpu < 3; vcpu++)
            Process(session, Access(vcpu, 0x3000));
        _recorder.Flushes.Clear();
        Process(session, new TraceChunk { Events = { new TraceEvent { Ordinal = _ordinal++, Kind = TraceEventKind.HostInvalidate, Gpa = 0x3000, Value = 0x1000 } } });

        var asked = Assert.Single(_recorder.Flushes);
        Assert.Equal((FlushKind.Remote, -1, 3), (asked.Kind, asked.Requester, asked.Targets));

        Process(session, Access(2, 0x8000));
        Process(session, Access(1, 0x8000));
        Assert.Equal(
            [(FlushKind.All, (byte)2, (short)-1), (FlushKind.All, (byte)1, (short)-1)],
            _recorder.Flushes.Where(flush => flush.Kind == FlushKind.All).Select(flush => (flush.Kind, flush.Vcpu, flush.Requester)));
    }

    [Fact]
    public void A_flush_on_entry_names_who_asked_first_and_a_vCPUs_own_names_itself()
    {
        var session = Start(MmuMode.Shadow, vcpus: 2);
        Process(session, Access(0, 0x3000));
        Process(session, Access(1, 0x3000));
        _recorder.Flushes.Clear();
        Process(session, new TraceChunk { Events = { new TraceEvent { Ordinal = _ordinal++, Kind = TraceEventKind.HostInvalidate, Gpa = 0x3000, Value = 0x1000 } } });
        Process(session, Access(1, 0x3000));
        Process(session, Access(0, 0x3000));
        Assert.All(_recorder.Flushes.Where(flush => flush.Kind == FlushKind.All), flush => Assert.Equal(-1, flush.Requester));
        Assert.All(_recorder.Flushes.Where(flush => flush.Kind is FlushKind.Current or FlushKind.Guest), flush => Assert.Equal(flush.Vcpu, flush.Requester));
    }

    [Fact]
    public void A_marker_resumes_the_vCPU_that_made_it_and_no_other()
    {
        var session = Start(MmuMode.Npt, vcpus: 2);
        Process(session, Access(1, 0x3000));
        var by = new List<byte>();
        session.Marker = _ => by.Add(session.Journal.Vcpu);
        var marker = new TraceEvent { Ordinal = _ordinal++, Kind = TraceEventKind.Marker, Vcpu = 1, Value = 7, Rip = 0x4000, Size = 2 };
        Process(session, new TraceChunk { Events = { marker } });
        Assert.Equal([1], by);
        Assert.False(session.Vm.Vcpus[0].Mmu.Root.IsValid);
        Assert.True(session.Vm.Vcpus[1].Mmu.Root.IsValid);
    }

    [Fact]
    public void A_vCPU_that_never_ran_has_no_root_and_no_CR3_of_one()
    {
        var session = Start(MmuMode.Shadow, vcpus: 2);
        Process(session, Access(0, 0x3000));
        Assert.Equal(0UL, session.Vm.Vcpus[1].Mmu.Root.Pgd);
        Assert.Equal(ulong.MaxValue, session.Vm.Vcpus[1].Mmu.PreviousRoots[0].Pgd);
    }

    private ReplaySession Start(MmuMode mode, int vcpus)
    {
        var manifest = new CaptureManifest { Source = "test", Tool = "test", Vcpus = vcpus, MemoryBytes = Ram };
        var session = new ReplaySession(manifest, new ReplayOptions { Mode = mode, Invariants = InvariantLevel.Standard }, _recorder);
        var chunk = new TraceChunk();
        chunk.Events.Add(new TraceEvent { Ordinal = _ordinal++, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Size = Ram }) });
        for (byte vcpu = 0; vcpu < vcpus; vcpu++)
            chunk.Events.Add(new TraceEvent { Ordinal = _ordinal++, Kind = TraceEventKind.VcpuState, Vcpu = vcpu, Detail = EventDetail.Write(new VcpuState { Cr0 = 0x11 }) });
        Process(session, chunk);
        return session;
    }

    private TraceChunk Access(byte vcpu, ulong address)
    {
        var chunk = new TraceChunk();
        chunk.Add(_ordinal++, vcpu, AccessKind.Read, AccessFlags.None, address, address, 4);
        return chunk;
    }

    private static void Process(ReplaySession session, TraceChunk chunk) => session.Process(chunk);
}
