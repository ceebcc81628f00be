using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Through every paging mode and back.</summary>
internal sealed class ModeSwitchWorkload : Workload
{
    public override string Name => "mode-switch";

    public override string Description
        => "From real mode through protected mode, 32-bit paging, PAE and long mode, each time back to paging off: roles change, tables are built anew.";

    public override IReadOnlyList<SyntheticPaging> Modes { get; } = [SyntheticPaging.Off];

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 4, "rounds through all modes"),
        Knob.Number("pages", 32, "pages mapped and touched in each mode", max: 1024),
        Knob.Number("touches", 200, "accesses in each mode", max: 1 << 24),
        Knob.Flag("la57", true, "rounds end with 5-level paging"),
        Knob.Flag("keep-tables", false, "later rounds use the tables of the first again"),
    ];

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var vcpu = context.Machine.Vcpus[0];
        context.Host.AddRam();
        vcpu.Cr0 = ControlBits.Cr0Et;
        context.Machine.Start(vcpu, GuestLayout.BootCode);
        var stages = Stages(context);
        for (var round = 0; round < context.Knobs.Number("iterations"); round++)
        {
            context.Machine.Mark(vcpu, (ulong)round);
            TouchLow(context, vcpu);
            context.Machine.WriteCr0(vcpu, vcpu.Cr0 | ControlBits.Cr0Pe);
            TouchLow(context, vcpu);
            yield return WorkloadTurn.Taken;
            foreach (var stage in stages)
            {
                stage.Enter(vcpu);
                yield return WorkloadTurn.Taken;
                stage.Work(vcpu, context.Knobs.Count("touches"));
                yield return WorkloadTurn.Taken;
                stage.Leave(vcpu, keepTables: context.Knobs.Flag("keep-tables"));
                TouchLow(context, vcpu);
                yield return WorkloadTurn.Taken;
            }
            context.Machine.WriteCr0(vcpu, vcpu.Cr0 & ~ControlBits.Cr0Pe);
        }
    }

    private static List<ModeStage> Stages(WorkloadContext context)
    {
        var modes = new List<SyntheticPaging> { SyntheticPaging.TwoLevel, SyntheticPaging.Pae, SyntheticPaging.FourLevel };
        if (context.Knobs.Flag("la57"))
            modes.Add(SyntheticPaging.FiveLevel);
        var frames = new List<Gfn>();
        for (var i = 0; i < context.Knobs.Count("pages"); i++)
            frames.Add(context.Kernel.Frames.Allocate());
        return [.. modes.Select(mode => new ModeStage(context, mode, frames))];
    }

    private static void TouchLow(WorkloadContext context, Vcpu vcpu)
    {
        context.Kernel.Memory.Jump(vcpu, GuestLayout.BootCode);
        for (var i = 0; i < 16; i++)
        {
            var kind = context.Random.Percent(50) ? AccessKind.Write : AccessKind.Read;
            context.Kernel.Memory.Touch(vcpu, kind, context.Random.Below(0xa_0000UL / 8) * 8, 8);
        }
    }
}
