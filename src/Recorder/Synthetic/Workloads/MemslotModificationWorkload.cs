using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>After memslot_modification_stress_test: memslots come and go under running vCPUs.</summary>
internal sealed class MemslotModificationWorkload : Workload
{
    public override string Name => "memslot-modification";

    public override string Description
        => "vCPUs go over mapped memory while the host adds and deletes a dummy memslot, or deletes and adds the memory's own: everything is zapped.";

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 10, "modifications"),
        Knob.Number("delay", 1, "passes over the memory between modifications", max: 1000),
        Knob.Number("pages", 256, "pages each vCPU goes over", max: 1 << 28),
        Knob.Percent("write-percent", 50, "share of accesses that write"),
        Knob.Flag("partition", true, "each vCPU has its own part; false: all go over everything"),
        Knob.Choice("target", "dummy", ["dummy", "own"], "dummy: a slot nobody uses; own: the slots of the memory in use"),
        Knob.Number("slots", 1, "memslots the memory is cut into", max: 32),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var knobs = context.Knobs;
        var sweep = MemorySweep.Start(context, knobs.Count("slots"), knobs.Flag("partition"));
        for (var iteration = 0; iteration < knobs.Number("iterations"); iteration++)
        {
            context.Machine.Mark(context.Machine.Vcpus[0], (ulong)iteration);
            for (var pass = 0; pass < knobs.Number("delay"); pass++)
            {
                foreach (var turn in sweep.Pass(knobs.Count("write-percent")))
                    yield return turn;
            }
            Modify(context, sweep);
            yield return WorkloadTurn.Taken;
        }
        foreach (var turn in sweep.Pass(knobs.Count("write-percent")))
            yield return turn;
    }

    private static void Modify(WorkloadContext context, MemorySweep sweep)
    {
        if (context.Knobs.Choice("target") is "dummy")
        {
            context.Host.SetMemslots(DummyMemslot.Add, DummyMemslot.Delete);
            return;
        }
        // No access may come between the two, or it would reach no memory.
        foreach (var slot in sweep.Memory.Describe())
            context.Host.SetMemslots(slot with { Size = 0 }, slot);
    }
}
