using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Cli.Replaying;

/// <summary>One of the replays of a plan: a mode of a kernel.</summary>
/// <param name="Mode">Which MMU.</param>
/// <param name="Kernel">Whose KVM.</param>
internal readonly record struct ReplayVariant(MmuMode Mode, KvmBehaviour Kernel)
{
    /// <summary>As a run is named where several kernels are compared, and as <c>diff</c> takes it: <c>ept@6.12</c>.</summary>
    public override string ToString() => $"{Mode.Name()}@{Kernel.Name}";
}
