using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Anything the architecture allows, in any order.</summary>
internal sealed class RandomWorkload : Workload
{
    public override string Name => "random";

    public override string Description
        => "Random edits of a guest's own tables (shared between places, spaces and levels, written by programs too), accesses of every kind, and the flushes the architecture asks for: for property tests.";

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("operations", 10_000, "operations"),
        Knob.Number("spaces", 3, "address spaces", max: 64),
        Knob.Number("tables", 4, "table pages of each level, and as many of any level", max: 64),
        Knob.Number("pages", 48, "data pages", max: 256),
        Knob.Number("edits", 4, "entries changed at most before a flush", max: 1000),
        Knob.Percent("edit-percent", 12, "operations that change entries"),
        Knob.Percent("write-percent", 40, "share of data accesses that write"),
        Knob.Percent("mmio-percent", 2, "last-level entries that map a device"),
        Knob.Percent("control-percent", 3, "operations that write a control register or flush for no reason"),
        Knob.Percent("host-percent", 0, "operations that let the host act: invalidate, age, log dirty pages, change a memslot"),
        Knob.Flag("pkeys", false, "long modes: protection keys"),
        Knob.Flag("nx-toggle", true, "EFER.NXE goes off and on: entries with bit 63 are malformed meanwhile"),
        Knob.Flag("stale", false, "leave out some flushes: accesses then follow the tables, while a TLB might not"),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override KernelOptions KernelOptions(KnobValues knobs)
        => base.KernelOptions(knobs) with { ProtectionKeys = knobs.Flag("pkeys") };

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var guest = new RandomGuest(context);
        var knobs = context.Knobs;
        for (var i = 0L; i < knobs.Number("operations"); i++)
        {
            var draw = context.Random.Below(100);
            if ((draw -= knobs.Count("host-percent")) < 0)
                guest.HostActs();
            else if ((draw -= knobs.Count("edit-percent")) < 0)
                guest.Edit();
            else if (draw - knobs.Count("control-percent") < 0)
                guest.Control();
            else
                guest.Access();
            yield return WorkloadTurn.Taken;
        }
    }
}
