using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>What a <see cref="Cpu"/> is made of and connected to.</summary>
public sealed record CpuSetup
{
    /// <summary>Number of the vCPU.</summary>
    public byte Id { get; init; }

    public required MmuMode Mode { get; init; }

    public required HostProfile Profile { get; init; }

    public required Journal Journal { get; init; }

    public required GuestMemory Memory { get; init; }

    /// <summary>Shared with the hypervisor's view of this vCPU.</summary>
    public required ControlRegisters Registers { get; init; }

    public required IHypervisor Hypervisor { get; init; }

    public required TablePages Pages { get; init; }

    public required TableWriter Writer { get; init; }

    /// <summary>Shared by all vCPUs.</summary>
    public VerifyTotals Verify { get; init; } = new();

    /// <summary>Shared by all vCPUs.</summary>
    public WalkCounts Walks { get; init; } = new();

    /// <summary>Shared by all vCPUs.</summary>
    public ExpandedChunk Expanded { get; init; } = new();

    /// <summary>Shared by all vCPUs: notes what walks read; null: nobody wants to know.</summary>
    [field: NotState("whoever wants to know sets it")]
    internal WalkRecorder? Recorder { get; init; }

    /// <summary>Remember translations. The history is the same without, only slower.</summary>
    public bool UseTlb { get; init; } = true;

    /// <inheritdoc cref="ReplayOptions.InstructionAt"/>
    [field: NotState("whoever knows the guest's program gives it")]
    public Func<ulong, StoreInstruction>? InstructionAt { get; init; }

    internal Translator CreateTranslator() => Mode.IsTwoDimensional()
        ? new NestedTranslator(Registers, Memory, CreateSecondDimension(), Profile, CreateStructureCache())
        : new ShadowTranslator(Registers, Pages, Writer, Profile, CreateStructureCache()) { Recorder = Recorder };

    /// <summary>
    /// The walk of a nested guest: through its own tables, each of their entries and the final address through the shadow of its hypervisor's.
    /// Null where no CPU of the kind walks so. Made in full each time: what it depends on changes with every entry.
    /// </summary>
    internal Translator? CreateNestedTranslator()
    {
        if (!Mode.IsTwoDimensional())
            return null;
        SecondDimension second = Mode.UsesEptFormat()
            ? new EptWalker(Pages, Writer, Profile, tlb: null, cache: null, isShadow: true) { Recorder = Recorder }
            : new NptWalker(Pages, Writer, Profile, tlb: null, cache: null, isShadow: true) { Recorder = Recorder };
        return new NestedTranslator(Registers, Memory, second, Profile, cache: null);
    }

    private SecondDimension CreateSecondDimension() => Mode.UsesEptFormat()
        ? new EptWalker(Pages, Writer, Profile, CreateNestedTlb(), CreateStructureCache()) { Recorder = Recorder }
        : new NptWalker(Pages, Writer, Profile, CreateNestedTlb(), CreateStructureCache()) { Recorder = Recorder };

    private PagingStructureCache? CreateStructureCache() => UseTlb && Recorder is null ? new PagingStructureCache() : null;

    private NestedTlb? CreateNestedTlb() => UseTlb && Recorder is null ? new NestedTlb(Writer) : null;
}
