using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>The churn of <see cref="PageTableChurnWorkload"/> under a kernel that reaches its tables as Windows does.</summary>
internal sealed class SelfMapWorkload : PageTableChurnWorkload
{
    public override string Name => "self-map";

    public override string Description
        => "page-table-churn by a kernel whose root table points at itself: every table is mapped by the tables it belongs to, and is edited there.";

    public override IReadOnlyList<SyntheticPaging> Modes { get; } = [SyntheticPaging.TwoLevel, SyntheticPaging.FourLevel, SyntheticPaging.FiveLevel];

    public override KernelOptions KernelOptions(KnobValues knobs) => base.KernelOptions(knobs) with { SelfMap = true };
}
