using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Programs, one a vCPU, that go over test memory mapped beforehand: the frame of KVM's performance selftests.</summary>
internal sealed class MemorySweep
{
    private readonly WorkloadContext _context;
    private readonly IReadOnlyList<WorkloadProgram> _threads;
    private readonly long _pagesEach;
    private readonly bool _partition;

    private MemorySweep(WorkloadContext context, TestMemory memory, IReadOnlyList<WorkloadProgram> threads, ulong start, long pagesEach, bool partition)
    {
        _context = context;
        Memory = memory;
        _threads = threads;
        FirstAddress = start;
        _pagesEach = pagesEach;
        _partition = partition;
    }

    public TestMemory Memory { get; }

    public IReadOnlyList<WorkloadProgram> Threads => _threads;

    /// <summary>The programs' address of the first byte of the test memory.</summary>
    public ulong FirstAddress { get; }

    /// <summary>Boots, starts a program on each vCPU and maps the test memory; reads the knobs pages and guest-pages.</summary>
    public static MemorySweep Start(WorkloadContext context, int slots, bool partition)
    {
        var pages = context.Knobs.Number("pages");
        var total = (ulong)(partition ? pages * context.Machine.Vcpus.Count : pages) << 12;
        var memory = context.BootWithTestMemory(total, slots);
        var threads = context.StartThreads();
        var start = memory.First.Base.Value;
        if (threads[0].Space is { } space)
            threads[0].Call(vcpu => start = MapAll(context, vcpu, space, memory));
        return new MemorySweep(context, memory, threads, start, pages, partition);
    }

    /// <summary>One pass of every vCPU over its pages.</summary>
    public IEnumerable<WorkloadTurn> Pass(int writePercent)
        => WorkloadContext.Interleave(_threads.Select(thread => Pass(thread, writePercent)));

    /// <summary>The same event for each memslot of the test memory.</summary>
    public TraceEvent[] OnEachSlot(TraceEventKind kind)
        => [.. Memory.Describe().Select(slot => HostSide.Event(kind, new Gpa(slot.Gpa)))];

    private static ulong MapAll(WorkloadContext context, Vcpu vcpu, AddressSpace space, TestMemory memory)
    {
        var knobs = context.Knobs;
        var wantsLarge = knobs.Has("guest-pages") && knobs.Choice("guest-pages") is "large";
        var canBeLarge = memory.Bytes >= context.Kernel.Format.Span(2) && context.Kernel.Options.PageSizeExtension;
        var area = context.Kernel.Areas.Map(vcpu, space, memory.Bytes, pageLevel: wantsLarge && canBeLarge ? 2 : 1);
        context.Kernel.Areas.Populate(vcpu, space, area, memory.First.Base);
        return area.Start;
    }

    private IEnumerable<WorkloadTurn> Pass(WorkloadProgram thread, int writePercent)
    {
        var random = _context.Random.Fork();
        var isRandom = _context.Knobs.Has("random-access") && _context.Knobs.Flag("random-access");
        var start = FirstAddress + (_partition ? (ulong)(thread.Vcpu.Index * _pagesEach) << 12 : 0);
        thread.At(1);
        foreach (var page in PageOrder.Of(_pagesEach, isRandom, random))
        {
            var kind = random.Percent(writePercent) ? AccessKind.Write : AccessKind.Read;
            thread.Touch(kind, start + (page << 12) + (random.Below(512UL) * 8));
            yield return WorkloadTurn.Taken;
        }
    }
}
