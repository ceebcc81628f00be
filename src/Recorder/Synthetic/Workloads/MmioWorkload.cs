using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>A driver that talks to a device.</summary>
internal sealed class MmioWorkload : Workload
{
    public override string Name => "mmio";

    public override string Description
        => "A driver reads and writes device registers, a program some of them through its own mapping; memslot changes make cached MMIO entries stale.";

    public override IReadOnlyList<SyntheticPaging> Modes => AllModes;

    public override IReadOnlyList<Knob> Knobs { get; } =
    [
        Knob.Number("iterations", 200, "rounds of register accesses"),
        Knob.Number("registers", 16, "register accesses in a round", max: 4096),
        Knob.Number("device-pages", 4, "pages of device registers", max: (int)(GuestLayout.DeviceWindowBytes >> 12)),
        Knob.Percent("write-percent", 50, "share of register accesses that write"),
        Knob.Number("memslot-every", 25, "rounds between memslot changes; 0: none", min: 0),
    ];

    protected override int MaxVcpus => GuestLayout.MaxVcpus;

    public override IEnumerable<WorkloadTurn> Run(WorkloadContext context)
    {
        context.Boot();
        var threads = context.StartThreads();
        var programWindow = MapDevice(context, threads[0]);
        var every = context.Knobs.Number("memslot-every");
        for (var round = 0L; round < context.Knobs.Number("iterations"); round++)
        {
            var thread = threads[(int)(round % threads.Count)];
            thread.Call(vcpu => Drive(context, vcpu));
            thread.At(1);
            for (var i = 0; i < 4; i++)
                thread.Touch(Kind(context), programWindow + Register(context), 4);
            if (every > 0 && round % every == every - 1)
                context.Host.SetMemslots((round / every) % 2 == 0 ? DummyMemslot.Add : DummyMemslot.Delete);
            yield return WorkloadTurn.Taken;
        }
    }

    private static void Drive(WorkloadContext context, Vcpu vcpu)
    {
        var memory = context.Kernel.Memory;
        memory.Enter(vcpu, KernelFunction.Driver);
        for (var i = 0; i < context.Knobs.Number("registers"); i++)
        {
            var gva = context.Kernel.Layout.Devices + Register(context);
            if (Kind(context) == AccessKind.Write)
                memory.Store(vcpu, gva, 4, (uint)context.Random.NextUInt64());
            else
                memory.Touch(vcpu, AccessKind.Read, gva, 4);
            // A ring in memory beside the registers.
            memory.Touch(vcpu, AccessKind.Read, context.Kernel.Layout.VcpuVariables(vcpu.Index) + 0x100, 8);
        }
    }

    // The kernel's mapping is global and uncached; the program gets the first page through a mapping of its own.
    private static ulong MapDevice(WorkloadContext context, WorkloadProgram thread)
    {
        if (thread.Space is not { } space)
            return GuestLayout.DeviceWindow;
        var kernel = context.Kernel;
        var start = 0UL;
        thread.Call(vcpu =>
        {
            kernel.Memory.Enter(vcpu, KernelFunction.Driver);
            var bytes = (ulong)context.Knobs.Number("device-pages") << 12;
            const ulong device = Gpte.PresentMask | Gpte.WritableMask | Gpte.CacheDisableMask | Gpte.WriteThroughMask;
            for (var at = 0UL; at < bytes; at += 4096)
            {
                var place = kernel.Tables.Ensure(vcpu, kernel.KernelSpace, kernel.Layout.Devices + at, level: 1);
                kernel.Tables.Write(vcpu, kernel.KernelSpace, place, new Gpte((GuestLayout.DeviceWindow + at) | device | Gpte.GlobalMask));
            }
            var area = kernel.Areas.Map(vcpu, space, bytes);
            kernel.Areas.Populate(vcpu, space, area, new Gpa(GuestLayout.DeviceWindow), Gpte.CacheDisableMask);
            start = area.Start;
        });
        return start;
    }

    private static ulong Register(WorkloadContext context)
        => context.Random.Below((ulong)context.Knobs.Number("device-pages") << 8) * 16;

    private static AccessKind Kind(WorkloadContext context)
        => context.Random.Percent(context.Knobs.Count("write-percent")) ? AccessKind.Write : AccessKind.Read;
}
