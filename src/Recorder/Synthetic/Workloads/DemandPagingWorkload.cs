using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>After demand_paging_test: first touches of memory the kernel maps on fault.</summary>
internal sealed class DemandPagingWorkload : Workload
{
    public override string Name => "demand-paging";

    public override string Description => "Every vCPU touches fresh memory page by page; the guest kernel maps each page in its #PF handler.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("pages", 1024, "pages each vCPU touches", max: 1 << 28),
        Knob.Number("iterations", 1, "rounds; the pages are discarded between rounds"),
        Knob.Percent("write-percent", 50, "share of first touches that write"),
        Knob.Flag("partition", true, "each vCPU has memory of its own; false: all touch the same"),
        Knob.Flag("random-access", false, "pages in random order instead of ascending"),
        Knob.Flag("zero-page", true, "first reads map the shared zero page; a later write copies it"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var knobs = context.Knobs;
        var threads = context.StartThreads();
        var areas = MapAreas(context, threads);
        for (var iteration = 0; iteration < knobs.Number("iterations"); iteration++)
        {
            context.Machine.Mark(threads[0].Vcpu, (ulong)iteration);
            foreach (var turn in WorkloadContext.Interleave(threads.Select((thread, i) => Touch(context, thread, areas[i]))))
                yield return turn;
            foreach (var (thread, area) in threads.Zip(areas).DistinctBy(pair => pair.Second.Start))
                thread.Call(vcpu => context.Kernel.Areas.Discard(vcpu, thread.Space!, area));
            yield return WorkloadTurn.Taken;
        }
    }

    private static List<MemoryArea> MapAreas(WorkloadContext context, IReadOnlyList<WorkloadProgram> threads)
    {
        var bytes = (ulong)context.Knobs.Number("pages") << 12;
        var areas = new List<MemoryArea>();
        foreach (var thread in threads)
        {
            if (areas.Count > 0 && !context.Knobs.Flag("partition"))
                areas.Add(areas[0]);
            else
                thread.Call(vcpu => areas.Add(context.Kernel.Areas.Map(vcpu, thread.Space!, bytes)));
        }
        return areas;
    }

    private static IEnumerable<WorkloadTurn> Touch(WorkloadContext context, WorkloadProgram thread, MemoryArea area)
    {
        var random = context.Random.Fork();
        var pages = PageOrder.Of(context.Knobs.Number("pages"), context.Knobs.Flag("random-access"), random);
        thread.At(1 + thread.Vcpu.Index);
        foreach (var page in pages)
        {
            var kind = random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read;
            thread.Touch(kind, area.Start + (page << 12));
            yield return WorkloadTurn.Taken;
        }
    }
}
