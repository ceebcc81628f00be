using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Large guest pages beside small ones.</summary>
internal sealed class HugePagesWorkload : Workload
{
    public override string Name => "huge-pages";

    public override string Description
        => "A program on 2M (4M, 1G) pages: the kernel splits them, collapses small pages into large ones, forks and copies them on write.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 40, "changes of page size, forks and discards"),
        Knob.Number("large-pages", 6, "large pages of the program", max: 1 << 20),
        Knob.Number("giant-pages", 0, "1G pages beside them, in the long modes; needs as many gigabytes of memory above 4G", min: 0, max: 512),
        Knob.Number("touches", 400, "accesses between changes", max: 1 << 20),
        Knob.Percent("write-percent", 40, "share of accesses that write"),
    ];

    protected override string DefaultMemory => "256M";

    protected override bool NeedsLargePages => true;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var kernel = context.Kernel;
        var program = context.StartThreads()[0];
        var areas = new List<MemoryArea>();
        program.Call(vcpu =>
        {
            areas.Add(kernel.Areas.Map(vcpu, program.Space!, (ulong)context.Knobs.Number("large-pages") * kernel.Format.Span(2), pageLevel: 2));
            areas.Add(kernel.Areas.Map(vcpu, program.Space!, kernel.Format.Span(2) * 2));
            if (context.Knobs.Number("giant-pages") > 0 && kernel.Format.IsLong)
                areas.Add(kernel.Areas.Map(vcpu, program.Space!, (ulong)context.Knobs.Number("giant-pages") << 30, pageLevel: 3));
        });
        for (var i = 0; i < context.Knobs.Number("iterations"); i++)
        {
            Touch(context, program, areas);
            yield return WorkloadTurn.Taken;
            Change(context, program, areas[context.Random.Below(areas.Count)]);
            yield return WorkloadTurn.Taken;
        }
    }

    private static void Touch(WorkloadContext context, WorkloadProgram program, List<MemoryArea> areas)
    {
        var random = context.Random;
        program.At(1);
        for (var i = 0; i < context.Knobs.Number("touches"); i++)
        {
            var area = areas[random.Below(areas.Count)];
            // Half of them near each other, so that small pages gather where they can be collapsed.
            var reach = random.Percent(50) ? area.Bytes : 16 << 12;
            var kind = random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read;
            program.Touch(kind, area.Start + (random.Below(reach / 8) * 8));
        }
    }

    private static void Change(WorkloadContext context, WorkloadProgram program, MemoryArea area)
    {
        var kernel = context.Kernel;
        var space = program.Space!;
        var gva = area.Start + (context.Random.Percent(50) ? context.Random.Below(area.Bytes) & ~0xfffUL : 0);
        program.Call(vcpu =>
        {
            switch (context.Random.Below(10))
            {
                case < 4:
                    kernel.LargePages.TrySplit(vcpu, space, gva);
                    break;
                case < 7:
                    kernel.LargePages.TryCollapse(vcpu, space, gva);
                    break;
                case < 8:
                    kernel.Areas.Discard(vcpu, space, area);
                    break;
                case < 9:
                    kernel.Areas.ClearDirty(vcpu, space, area);
                    break;
                default:
                    kernel.Areas.Exit(vcpu, kernel.Areas.Fork(vcpu, space));
                    break;
            }
        });
    }
}
