using Replay.Replayer.Guest;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Tests.Guest;
using Replay.Trace;

namespace Replay.Replayer.Tests.Hardware;

/// <summary>One CPU on a <see cref="FakeHypervisor"/>, with a guest whose tables a test builds.</summary>
internal sealed class FakeMachine
{
    private readonly TraceChunk _chunk = new();
    private long _ordinal;

    public FakeMachine(MmuMode mode, PagingMode paging = PagingMode.None, HostProfile? profile = null, bool useTlb = true)
    {
        Mode = mode;
        Profile = profile ?? HostProfiles.DefaultFor(mode);
        Journal = new Journal(History);
        Writer = new TableWriter(Journal);
        Pages = new TablePages(Journal, KvmBehaviour.Linux61);
        Guest = new GuestTableBuilder(paging);
        Hypervisor = new FakeHypervisor(this);
        Cpu = new Cpu(new CpuSetup
        {
            Mode = mode,
            Profile = Profile,
            Journal = Journal,
            Memory = Guest.Memory,
            Registers = Guest.Registers,
            Hypervisor = Hypervisor,
            Pages = Pages,
            Writer = Writer,
            Verify = Verify,
            Walks = Walks,
            UseTlb = useTlb,
        });
    }

    public MmuMode Mode { get; }

    public HostProfile Profile { get; }

    public RecordedHistory History { get; } = new();

    public Journal Journal { get; }

    public TableWriter Writer { get; }

    public TablePages Pages { get; }

    public GuestTableBuilder Guest { get; }

    public GuestMemory Memory => Guest.Memory;

    public ControlRegisters Registers => Guest.Registers;

    public void ClearPdptes()
    {
        for (var i = 0; i < Registers.Pdptes.Length; i++)
            Registers.LoadPdpte(i, 0);
    }

    public FakeHypervisor Hypervisor { get; }

    public VerifyTotals Verify { get; } = new();

    public WalkCounts Walks { get; } = new();

    public Cpu Cpu { get; }

    public List<ExitReason> ExitReasons => Hypervisor.Exits.ConvertAll(exit => exit.Reason);

    /// <summary>Replays one access as part of a chunk.</summary>
    public void Touch(ulong gva, ulong gpa, AccessKind kind = AccessKind.Read, AccessFlags flags = AccessFlags.None)
    {
        Queue(gva, gpa, kind, flags);
        RunQueue();
    }

    public void Queue(ulong gva, ulong gpa, AccessKind kind = AccessKind.Read, AccessFlags flags = AccessFlags.None)
    {
        if (_chunk.AccessCount == TraceChunk.Capacity)
            RunQueue();
        _chunk.Add(++_ordinal, 0, kind, flags, gva, gpa, 8);
    }

    public void RunQueue()
    {
        Cpu.Run(_chunk, 0, _chunk.AccessCount);
        _chunk.Clear();
    }

    /// <summary>What follows belongs to another trace event.</summary>
    public void NextEvent()
    {
        RunQueue();
        Journal.Ordinal = ++_ordinal;
    }

    /// <summary>Replays one access with an event of its own.</summary>
    public AccessOutcome Access(ulong gva, ulong? gpa, AccessKind kind = AccessKind.Read, AccessFlags flags = AccessFlags.None)
    {
        NextEvent();
        return Cpu.Access(new CpuAccess { Gva = gva, Gpa = gpa, Kind = kind, Flags = flags, Size = 8 }, out _);
    }

    public long Notes(ModelNote kind) => Journal.NoteCounts[(int)kind];
}
