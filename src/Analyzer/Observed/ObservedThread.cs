using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>What one thread of the host is doing: events of a trace belong together by thread.</summary>
internal sealed class ObservedThread
{
    public byte Vcpu { get; set; } = Unseen.Byte;

    /// <summary>The chain of functions that probes show it in, or the stack trace of the event being read.</summary>
    public int Chain { get; set; }

    /// <summary>The chain outside the event, where that has a stack trace.</summary>
    public int? ChainOutsideStack { get; set; }

    public PendingExit Pending { get; set; }

    /// <summary>The exit being handled; its number is -1 where there is none.</summary>
    public VmExitRecord Exit { get; set; } = new() { ExitId = -1 };

    public bool FaultIsOpen { get; set; }

    public FaultRecord Fault { get; set; }

    public long FaultEnd { get; set; }

    /// <summary>Which guest it runs, or handles an exit of.</summary>
    public GuestContext Running { get; set; } = GuestContext.Unknown;

    /// <summary>How the nested guest (L2) translates that was entered last.</summary>
    public GuestContext Nested { get; set; } = GuestContext.Unknown;

    /// <summary>The VMCB of that.</summary>
    public ulong Vmcb { get; set; } = Unseen.Word;

    /// <summary>What is handled is a nested guest's (L2).</summary>
    public bool IsNested => Running is GuestContext.L2 or GuestContext.NestedL2 or GuestContext.SomeL2;

    /// <summary>A leaf changed while the fault was handled.</summary>
    public bool FaultMapped { get; set; }

    /// <summary>kvm_mmu_set_spte came while the fault was handled: with the TDP MMU also where the entry was right already.</summary>
    public bool FaultSet { get; set; }

    /// <summary>The guest walk of the fault being handled failed.</summary>
    public bool WalkFailed { get; set; }

    /// <summary>The frame that kvm_mmu_spte_requested named.</summary>
    public ulong RequestedGfn { get; set; } = Unseen.Word;

    /// <summary>The last address of a guest walk.</summary>
    public ulong WalkedAddress { get; set; } = Unseen.Word;

    public bool HasWrite { get; set; }

    public PendingWrite Write;

    /// <summary>A table about to be linked: the entry's address, 0 without one.</summary>
    public ulong LinkEntry { get; set; }

    public ulong LinkValue { get; set; }

    public ulong LinkGfn { get; set; }

    /// <summary>mmu_set_spte's entry and frame.</summary>
    public ulong SetEntry { get; set; }

    public ulong SetGfn { get; set; } = Unseen.Word;

    /// <summary>Of a page about to be made by the TDP MMU: its place and its role.</summary>
    public (ulong Table, uint Role)? TdpPage { get; set; }

    /// <summary>The page that kvm_mmu_get_page gave last.</summary>
    public ObservedPage? GotPage { get; set; }

    /// <summary>The page that a probe on __kvm_mmu_prepare_zap_page named.</summary>
    public ObservedPage? ZapPage { get; set; }

    public int FaultId => FaultIsOpen ? Fault.FaultId : -1;
}

/// <summary>What ends a fault.</summary>
internal enum FaultEnding
{
    /// <summary>No line shows it: events were lost, the trace ends, or another fault or exit comes first.</summary>
    Unseen = 0,

    /// <summary>The thread enters the guest again, or gives the vCPU back to userspace without an error.</summary>
    GuestGoesOn = 1,

    /// <summary>KVM_RUN returns an error.</summary>
    Error = 2,
}

/// <summary>Which events are in the trace at all: what is not shown says nothing by its absence.</summary>
/// <param name="Leaves">Leaves that are set.</param>
/// <param name="Requests">kvm_mmu_spte_requested.</param>
internal readonly record struct ShownEvents(bool Leaves, bool Requests);
