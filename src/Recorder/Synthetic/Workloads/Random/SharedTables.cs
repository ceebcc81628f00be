using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>Last-level tables that hang in several spaces, and in each at one or two addresses.</summary>
internal sealed class SharedTables
{
    private readonly WorkloadContext _context;
    private readonly List<ulong> _starts;
    private readonly MemoryArea _area;

    private SharedTables(WorkloadContext context, List<AddressSpace> spaces, List<ulong> starts, MemoryArea area)
    {
        _context = context;
        Spaces = spaces;
        _starts = starts;
        _area = area;
    }

    public List<AddressSpace> Spaces { get; }

    private GuestKernel Kernel => _context.Kernel;

    private ulong TableSpan => Kernel.Format.Span(2);

    /// <summary>Makes the tables in the program's space and hangs them into further spaces.</summary>
    public static SharedTables Make(WorkloadContext context, WorkloadProgram program)
    {
        var kernel = context.Kernel;
        var span = kernel.Format.Span(2);
        var bytes = (ulong)context.Knobs.Number("tables") * span;
        var starts = new List<ulong>();
        var spaces = new List<AddressSpace> { program.Space! };
        MemoryArea? area = null;
        program.Call(vcpu =>
        {
            // Only an area of its own keeps the kernel from mapping anything else there.
            area = kernel.Areas.Map(vcpu, program.Space!, bytes, pageLevel: 2) with { PageLevel = 1 };
            starts.Add(area.Start);
            if (context.Knobs.Flag("alias"))
                starts.Add(kernel.Areas.Map(vcpu, program.Space!, bytes, pageLevel: 2).Start);
        });
        var made = new SharedTables(context, spaces, starts, area!);
        program.Call(made.Fill);
        program.Call(made.Hang);
        return made;
    }

    /// <summary>An address of a page in use, by any of its names.</summary>
    public ulong RandomAddress()
    {
        var random = _context.Random;
        return _starts[random.Below(_starts.Count)] + RandomPage() + (random.Below(512UL) * 8);
    }

    /// <summary>Exchanges the frames of pairs of pages, then drops the old translations of all of them everywhere.</summary>
    public void Exchange(Vcpu vcpu, int pairs, bool singly)
    {
        Kernel.Memory.Enter(vcpu, KernelFunction.Edit);
        var space = Kernel.Tlb.Loaded(vcpu)!;
        var changed = new List<ulong>();
        for (var i = 0; i < pairs; i++)
        {
            var (one, two) = (RandomPage(), RandomPage());
            var first = Kernel.Tables.Find(vcpu, space, _starts[0] + one)!.Value;
            var second = Kernel.Tables.Find(vcpu, space, _starts[0] + two)!.Value;
            Kernel.Tables.Write(vcpu, space, first.Place, second.Entry.Without(Gpte.AccessedMask | Gpte.DirtyMask));
            Kernel.Tables.Write(vcpu, space, second.Place, first.Entry);
            changed.Add(one);
            changed.Add(two);
        }
        foreach (var flushed in Spaces)
            Flush(vcpu, flushed, changed, singly);
    }

    private void Flush(Vcpu vcpu, AddressSpace space, List<ulong> changed, bool singly)
    {
        if (!singly)
        {
            Kernel.Tlb.FlushSpace(vcpu, space);
            return;
        }
        foreach (var page in changed)
        {
            foreach (var start in _starts)
                Kernel.Tlb.FlushPage(vcpu, space, start + page);
        }
    }

    private ulong RandomPage()
    {
        var table = _context.Random.Below((ulong)_context.Knobs.Number("tables"));
        return (table * TableSpan) + (_context.Random.Below((ulong)_context.Knobs.Number("pages")) << 12);
    }

    private void Fill(Vcpu vcpu)
    {
        var flags = Kernel.Areas.LeafFlags(_area);
        for (var table = 0UL; table < (ulong)_context.Knobs.Number("tables"); table++)
        {
            for (var page = 0UL; page < (ulong)_context.Knobs.Number("pages"); page++)
            {
                var place = Kernel.Tables.Ensure(vcpu, Spaces[0], _starts[0] + (table * TableSpan) + (page << 12), level: 1);
                Kernel.Tables.Write(vcpu, Spaces[0], place, new Gpte(Kernel.Frames.Allocate().Base.Value | flags));
            }
        }
    }

    private void Hang(Vcpu vcpu)
    {
        for (var i = 1; i < _context.Knobs.Number("spaces"); i++)
            Spaces.Add(Kernel.CreateSpaceLike(vcpu, Spaces[0]));
        for (var at = 0UL; at < _area.Bytes; at += TableSpan)
        {
            var table = Kernel.Tables.Ensure(vcpu, Spaces[0], _starts[0] + at, level: 1).Gpa.Value & ~0xfffUL;
            foreach (var space in Spaces)
            {
                foreach (var start in _starts)
                {
                    var place = Kernel.Tables.Ensure(vcpu, space, start + at, level: 2);
                    if (!Kernel.Tables.Read(vcpu, space, place).IsPresent)
                        Kernel.Tables.Write(vcpu, space, place, new Gpte(table | Kernel.Tables.TableFlags(start, 2)));
                }
            }
        }
    }
}
