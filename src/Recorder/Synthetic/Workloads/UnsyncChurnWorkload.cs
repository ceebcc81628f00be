using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Last-level tables changed in bulk between flushes.</summary>
internal sealed class UnsyncChurnWorkload : Workload
{
    public override string Name => "unsync-churn";

    public override string Description
        => "The kernel exchanges pages by rewriting entries of last-level tables that several spaces share and that stand at two addresses, then flushes: shadow pages leave sync and return to it.";

    public override IReadOnlyList<SyntheticPaging> Modes => PagedModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 100, "rounds of changes"),
        Knob.Number("tables", 4, "last-level tables", max: 256),
        Knob.Number("pages", 32, "pages in use in each", max: 512),
        Knob.Number("batch", 16, "pairs of entries exchanged before a flush", max: 1 << 16),
        Knob.Number("spaces", 2, "spaces that share the tables", max: 64),
        Knob.Flag("alias", true, "each table stands at two addresses"),
        Knob.Percent("invlpg-percent", 40, "rounds that flush with INVLPG for each page; the others load CR3"),
    ];

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var program = context.StartThreads()[0];
        var tables = SharedTables.Make(context, program);
        for (var round = 0; round < context.Knobs.Number("iterations"); round++)
        {
            program.ContinueIn(tables.Spaces[context.Random.Below(tables.Spaces.Count)]);
            Touch(context, program, tables);
            yield return WorkloadTurn.Taken;
            program.Call(vcpu => tables.Exchange(vcpu, context.Knobs.Count("batch"), context.Random.Percent(context.Knobs.Count("invlpg-percent"))));
            yield return WorkloadTurn.Taken;
            Touch(context, program, tables);
            yield return WorkloadTurn.Taken;
        }
    }

    private static void Touch(WorkloadContext context, WorkloadProgram program, SharedTables tables)
    {
        program.At(1);
        for (var i = 0; i < context.Knobs.Number("batch") * 2; i++)
            program.Touch(context.Random.Percent(40) ? AccessKind.Write : AccessKind.Read, tables.RandomAddress());
    }
}
