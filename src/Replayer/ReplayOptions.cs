using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer;

/// <summary>How a capture is replayed.</summary>
public sealed record ReplayOptions
{
    public required MmuMode Mode { get; init; }

    /// <summary>Null: the mode's default.</summary>
    public HostProfile? Profile { get; init; }

    public HostBacking Backing { get; init; } = HostBacking.Pages4K;

    /// <summary>Remember translations in a software TLB. The history is the same without.</summary>
    public bool UseTlb { get; init; } = true;

    public HostProfile EffectiveProfile => Profile ?? HostProfiles.DefaultFor(Mode);
}
