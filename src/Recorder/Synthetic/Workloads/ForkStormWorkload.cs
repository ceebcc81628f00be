using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Fork, copy on write, exit, again and again.</summary>
internal sealed class ForkStormWorkload : Workload
{
    public override string Name => "fork-storm";

    public override string Description
        => "Each vCPU's program forks children that write to some of its memory and exit: tables write-protected, pages copied on write, tables freed.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 10, "rounds of forking"),
        Knob.Number("children", 3, "children forked in a round, alive together", max: 1000),
        Knob.Number("pages", 256, "pages of the parent", max: 1 << 24),
        Knob.Percent("write-percent", 25, "share of the pages a child, and then the parent, writes to"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var vcpus = context.Machine.Vcpus;
        return WorkloadContext.Interleave([.. vcpus.Select(vcpu => Family(context, vcpu))]);
    }

    private static IEnumerable<WorkloadTurn> Family(WorkloadContext context, Vcpu vcpu)
    {
        var kernel = context.Kernel;
        var random = context.Random.Fork();
        var parent = kernel.CreateSpace(vcpu);
        var program = WorkloadProgram.Start(kernel, vcpu, parent);
        MemoryArea? area = null;
        program.Call(_ => area = kernel.Areas.Map(vcpu, parent, (ulong)context.Knobs.Number("pages") << 12));
        foreach (var turn in Touch(program, area!, 100, random))
            yield return turn;

        for (var round = 0; round < context.Knobs.Number("iterations"); round++)
        {
            context.Machine.Mark(vcpu, (ulong)round);
            var children = new List<AddressSpace>();
            for (var i = 0; i < context.Knobs.Number("children"); i++)
            {
                program.Call(_ => children.Add(kernel.Areas.Fork(vcpu, parent)));
                yield return WorkloadTurn.Taken;
            }
            foreach (var turn in RunChildren(context, program, children, area!, random))
                yield return turn;
            program.ContinueIn(parent);
            foreach (var turn in Touch(program, area!, context.Knobs.Count("write-percent"), random))
                yield return turn;
        }
    }

    private static IEnumerable<WorkloadTurn> RunChildren(
        WorkloadContext context, WorkloadProgram program, List<AddressSpace> children, MemoryArea area, SeededRandom random)
    {
        foreach (var child in children)
        {
            program.ContinueIn(child);
            foreach (var turn in Touch(program, area, context.Knobs.Count("write-percent"), random))
                yield return turn;
            program.Call(vcpu => context.Kernel.Areas.Exit(vcpu, child));
            yield return WorkloadTurn.Taken;
        }
    }

    private static IEnumerable<WorkloadTurn> Touch(WorkloadProgram program, MemoryArea area, int writePercent, SeededRandom random)
    {
        program.At(1);
        for (var at = 0UL; at < area.Bytes; at += 4096)
        {
            program.Touch(random.Percent(writePercent) ? AccessKind.Write : AccessKind.Read, area.Start + at);
            if ((at >> 12) % 16 == 15)
                yield return WorkloadTurn.Taken;
        }
    }
}
