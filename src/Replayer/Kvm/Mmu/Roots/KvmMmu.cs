using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A vCPU's view of its tables: the roots it has and the roles they were made for.</summary>
/// <remarks>KVM: struct kvm_mmu.</remarks>
public sealed class KvmMmu
{
    /// <summary>KVM_MMU_NUM_PREV_ROOTS.</summary>
    public const int PreviousRootCount = 3;

    private readonly MmuRoot[] _previousRoots = [MmuRoot.Invalid, MmuRoot.Invalid, MmuRoot.Invalid];

    /// <summary>The root in use; none before the vCPU first runs.</summary>
    public MmuRoot Root { get; internal set; }

    /// <summary>Roots kept for a fast switch back, the last used first.</summary>
    public Span<MmuRoot> PreviousRoots => _previousRoots;

    /// <summary>The root in use belongs to the TDP MMU, and so do the faults.</summary>
    /// <remarks>KVM: is_tdp_mmu().</remarks>
    internal bool IsTdpMmu => Root.ShadowPage is { IsTdp: true };

    public CpuRole CpuRole { get; internal set; }

    /// <summary>Role of root pages.</summary>
    public PageRole RootRole { get; internal set; }

    /// <summary>The handler of faults.</summary>
    public KvmFunction PageFaultHandler { get; internal set; }

    /// <summary>The four PDPTEs that the CPU loads when the tables have PAE form; null where they cannot.</summary>
    public TablePage? PaeRoot { get; internal set; }

    /// <summary>Leads to <see cref="PaeRoot"/> where the CPU walks four levels and the tables shadowed have fewer; null until then.</summary>
    public TablePage? Pml4Root { get; internal set; }

    /// <summary>Leads to <see cref="Pml4Root"/> where the CPU walks five.</summary>
    public TablePage? Pml5Root { get; internal set; }
}
