using Replay.Replayer;
using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Replaying;

/// <summary>What is to be replayed, and how.</summary>
internal sealed record ReplayPlan
{
    public required string Capture { get; init; }

    public required IReadOnlyList<MmuMode> Modes { get; init; }

    /// <summary>Each mode is replayed with each of them.</summary>
    public IReadOnlyList<KvmBehaviour> Kernels { get; init; } = [KvmBehaviour.Newest];

    /// <summary>What is replayed side by side: kernel by kernel, mode by mode.</summary>
    public IReadOnlyList<ReplayVariant> Variants => [.. Kernels.SelectMany(kernel => Modes.Select(mode => new ReplayVariant(mode, kernel)))];

    /// <summary>Null: each mode's default.</summary>
    public HostProfile? Profile { get; init; }

    /// <summary>How the guest first enters a guest of its own, by which the default host of a mode is chosen; null: it has none, or no mode asks.</summary>
    public NestedEntry? Nested { get; init; }

    public HostBacking Backing { get; init; } = HostBacking.Pages4K;

    /// <summary>The mode that the capture's trace is of: there the host answers as the trace shows. Null: the capture is of no trace, or the host is said.</summary>
    public MmuMode? TracedMode { get; init; }

    /// <summary>What the host does meanwhile, beside what the capture has.</summary>
    public HostScript? HostScript { get; init; }

    public bool UseTlb { get; init; } = true;

    /// <summary>Is told every page walk; of one mode.</summary>
    public IWalkObserver? Walks { get; init; }

    /// <summary>Leave out what the capture's touch index says repeats, where it has one. Without a TLB every access is to be walked.</summary>
    public bool UseIndex { get; init; } = true;

    /// <summary>Threads that replay; decoding and storing have their own.</summary>
    public int Threads { get; init; } = 1;

    public ReplayOptions OptionsFor(ReplayVariant variant) =>
        new() { Mode = variant.Mode, Kernel = variant.Kernel, Profile = Profile ?? HostProfiles.DefaultFor(variant.Mode, Nested), Backing = BackingFor(variant.Mode), UseTlb = UseTlb, HostScript = HostScript, Walks = Walks };

    /// <summary>What the run is to be called; of several, what their names begin with. Null: by mode.</summary>
    public string? Name { get; init; }

    /// <summary>The name that a variant's run must have; null: by its mode, with a number behind it where that is taken.</summary>
    public string? RunName(ReplayVariant variant) =>
        Name is null ? Kernels.Count > 1 ? variant.ToString() : null
        : Variants.Count == 1 ? Name : $"{Name}-{NameOf(variant)}";

    /// <summary>What a report calls a variant: its mode, and the kernel where there are several.</summary>
    public string NameOf(ReplayVariant variant) => Kernels.Count > 1 ? variant.ToString() : variant.Mode.Name();

    /// <summary>
    /// <c>4k</c> or <c>thp</c>, with <c>-lazy</c> where the host had not populated the memory, with <c>-recorded</c> where it is as a trace
    /// shows.
    /// </summary>
    public string BackingNameFor(MmuMode mode) =>
        (Backing.HugePages ? "thp" : "4k") + (Backing.Populated ? "" : "-lazy") + (BackingFor(mode).Recorded ? "-recorded" : "");

    private HostBacking BackingFor(MmuMode mode) => mode == TracedMode ? Backing with { Recorded = true } : Backing;
}
