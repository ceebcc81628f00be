using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Paging off: what firmware and boot loaders do.</summary>
internal sealed class NonpagingWorkload : Workload
{
    public override string Name => "nonpaging";

    public override string Description
        => "Code on bare memory with paging off: reads, writes, code on many pages, device registers, interrupts, and CR3 loads that mean nothing yet.";

    public override IReadOnlyList<SyntheticPaging> Modes { get; } = [SyntheticPaging.Off];

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("operations", 5000, "operations", max: 1L << 40),
        Knob.Number("pages", 512, "pages it works on", max: 1 << 24),
        Knob.Percent("write-percent", 40, "share of data accesses that write"),
        Knob.Percent("mmio-percent", 2, "operations that touch a device"),
    ];

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        var bytes = (ulong)context.Knobs.Number("pages") << 12;
        var memory = context.BootWithTestMemory(bytes, slots: 1);
        var program = WorkloadProgram.Start(context.Kernel, context.Machine.Vcpus[0], space: null);
        for (var i = 0L; i < context.Knobs.Number("operations"); i++)
        {
            Step(context, program, memory);
            yield return WorkloadTurn.Taken;
        }
    }

    private static void Step(WorkloadContext context, WorkloadProgram program, TestMemory memory)
    {
        var random = context.Random;
        var gpa = memory.First.Base.Value + (random.Below(memory.Bytes / 8) * 8);
        if (random.Percent(context.Knobs.Count("mmio-percent")))
        {
            program.Touch(AccessKind.Write, GuestLayout.DeviceWindow + (random.Below(256UL) * 16), 4);
            return;
        }
        switch (random.Below(100))
        {
            case < 5:
                program.Execute(gpa);
                break;
            case < 6:
                context.Machine.WriteCr3(program.Vcpu, gpa & ~0xfffUL);
                break;
            case < 7:
                context.Kernel.Interrupt(program.Vcpu);
                break;
            default:
                program.At(random.Below(64));
                program.Touch(random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read, gpa);
                break;
        }
    }
}
