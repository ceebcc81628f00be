using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Many programs, short slices.</summary>
internal sealed class ContextSwitchStormWorkload : Workload
{
    public override string Name => "context-switch-storm";

    public override string Description
        => "A timer switches between programs that each touch a small working set: CR3 loads, with PCIDs some of them keeping translations.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 400, "switches on each vCPU"),
        Knob.Number("processes", 8, "programs that share the vCPUs", min: 2, max: 4096),
        Knob.Number("pages", 16, "pages of a program's working set", max: 1 << 20),
        Knob.Number("touches", 24, "accesses in a slice", max: 1 << 20),
        Knob.Percent("write-percent", 30, "share of accesses that write"),
        Knob.Percent("discard-percent", 5, "slices that begin with the program discarding its memory"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var boot = context.Machine.Vcpus[0];
        var waiting = new Queue<(AddressSpace Space, MemoryArea Area)>();
        for (var i = 0; i < Math.Max(context.Knobs.Number("processes"), context.Machine.Vcpus.Count + 1); i++)
        {
            var space = context.Kernel.CreateSpace(boot);
            waiting.Enqueue((space, context.Kernel.Areas.Map(boot, space, (ulong)context.Knobs.Number("pages") << 12)));
            yield return WorkloadTurn.Taken;
        }
        foreach (var turn in WorkloadContext.Interleave(context.Machine.Vcpus.Select(vcpu => Schedule(context, vcpu, waiting))))
            yield return turn;
    }

    private static IEnumerable<WorkloadTurn> Schedule(WorkloadContext context, Vcpu vcpu, Queue<(AddressSpace Space, MemoryArea Area)> waiting)
    {
        var random = context.Random.Fork();
        var running = waiting.Dequeue();
        var program = WorkloadProgram.Start(context.Kernel, vcpu, running.Space);
        for (var i = 0; i < context.Knobs.Number("iterations"); i++)
        {
            if (random.Percent(context.Knobs.Count("discard-percent")))
                program.Call(_ => context.Kernel.Areas.Discard(vcpu, running.Space, running.Area));
            for (var touch = 0; touch < context.Knobs.Number("touches"); touch++)
            {
                var gva = running.Area.Start + (random.Below(running.Area.Bytes / 8) * 8);
                program.Touch(random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read, gva);
            }
            yield return WorkloadTurn.Taken;
            waiting.Enqueue(running);
            running = waiting.Dequeue();
            program.PreemptFor(running.Space);
        }
    }
}
