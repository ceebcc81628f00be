using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A program that keeps changing its memory map.</summary>
internal class PageTableChurnWorkload : Workload
{
    public override string Name => "page-table-churn";

    public override string Description
        => "A program maps, touches, protects, ages, discards and unmaps memory of random sizes: tables come, change and go, their frames serve as data next.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 200, "changes of the memory map"),
        Knob.Number("pages", 256, "pages the largest area has", max: 1 << 20),
        Knob.Number("areas", 8, "areas that live at a time", max: 1000),
        Knob.Percent("write-percent", 60, "share of touches that write"),
        Knob.Flag("zero-page", true, "first reads map the shared zero page; a later write copies it"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var threads = context.StartThreads();
        var areas = new List<MemoryArea>();
        for (var i = 0L; i < context.Knobs.Number("iterations"); i++)
        {
            var thread = threads[(int)(i % threads.Count)];
            Change(context, thread, areas);
            yield return WorkloadTurn.Taken;
            foreach (var turn in Touch(context, threads, areas))
                yield return turn;
        }
        foreach (var area in areas)
            threads[0].Call(vcpu => context.Kernel.Areas.Unmap(vcpu, threads[0].Space!, area));
    }

    private static void Change(WorkloadContext context, WorkloadProgram thread, List<MemoryArea> areas)
    {
        var random = context.Random;
        var operations = context.Kernel.Areas;
        var space = thread.Space!;
        thread.Call(vcpu =>
        {
            if (areas.Count == 0 || (areas.Count < context.Knobs.Count("areas") && random.Percent(40)))
            {
                areas.Add(operations.Map(vcpu, space, (1 + random.Below((ulong)context.Knobs.Number("pages"))) << 12));
                return;
            }
            var i = random.Below(areas.Count);
            switch (random.Below(6))
            {
                case 0:
                    operations.Unmap(vcpu, space, areas[i]);
                    areas.RemoveAt(i);
                    break;
                case 1:
                    operations.Discard(vcpu, space, areas[i]);
                    break;
                case 2:
                    operations.ClearAccessed(vcpu, space, areas[i]);
                    break;
                case 3:
                    operations.ClearDirty(vcpu, space, areas[i]);
                    break;
                default:
                    areas[i] = operations.Protect(vcpu, space, areas[i], !areas[i].Writable);
                    break;
            }
        });
    }

    private static IEnumerable<WorkloadTurn> Touch(WorkloadContext context, IReadOnlyList<WorkloadProgram> threads, List<MemoryArea> areas)
    {
        var random = context.Random;
        for (var i = 0; i < areas.Count; i++)
        {
            var thread = threads[random.Below(threads.Count)];
            thread.At(1 + i);
            for (var touches = 0; touches < 16; touches++)
            {
                var gva = areas[i].Start + (random.Below(areas[i].Bytes / 8) * 8);
                // A write to a protected area is refused: the program gets its signal and goes on.
                thread.Touch(random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read, gva);
            }
            yield return WorkloadTurn.Taken;
        }
    }
}
