using Replay.Replayer.Kvm.Host;
using Replay.Replayer.SavedState;
using Replay.Trace;

namespace Replay.Replayer;

/// <summary>How a capture is replayed. The same capture with the same options gives the same history.</summary>
public sealed record ReplayOptions
{
    public required MmuMode Mode { get; init; }

    /// <summary>Whose KVM.</summary>
    public Kvm.KvmBehaviour Kernel { get; init; } = Kvm.KvmBehaviour.Newest;

    /// <summary>Null: the mode's default.</summary>
    public HostProfile? Profile { get; init; }

    public HostBacking Backing { get; init; } = HostBacking.Pages4K;

    /// <summary>Remember translations in a software TLB, and parts of walks. The history is the same without.</summary>
    public bool UseTlb { get; init; } = true;

    /// <summary>What the host does meanwhile; null: what the capture has.</summary>
    public HostScript? HostScript { get; init; }

    /// <summary>
    /// What the instruction at an address makes of a page table that it stores to, for stores of which the capture does not say: they went to pages that
    /// were followed as tables no more, and KVM may still have them as such. Null: nobody knows.
    /// </summary>
    [field: NotState("whoever knows the guest's program gives it")]
    public Func<ulong, StoreInstruction>? InstructionAt { get; init; }

    /// <summary>Is told every page walk with every entry that it read. The history is the same with and without, only slower.</summary>
    [field: NotState("whoever wants to know sets it")]
    public Hardware.IWalkObserver? Walks { get; init; }

    public InvariantLevel Invariants { get; init; } = InvariantLevel.Standard;

    /// <summary>The host the replay runs on.</summary>
    public HostProfile EffectiveProfile => Profile ?? HostProfiles.DefaultFor(Mode);

    /// <summary>One line: mode, host and whatever is not as usual.</summary>
    public override string ToString() =>
        $"{Mode.Name()} of {Kernel} on {EffectiveProfile.Name}, host pages {(Backing.HugePages ? "thp" : "4k")}{(Backing.Populated ? "" : ", not populated")}{(UseTlb ? "" : ", no TLB")}";
}

/// <summary>How far a replay has come.</summary>
/// <param name="Accesses">Accesses replayed.</param>
/// <param name="Events">Events replayed.</param>
/// <param name="Ordinal">Ordinal of the last of them.</param>
public readonly record struct ReplayProgress(long Accesses, long Events, long Ordinal);
