using Replay.Recorder.Synthetic.Machine;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>One paging mode of <see cref="ModeSwitchWorkload"/>: an identity map and a window of pages onto scattered frames.</summary>
internal sealed class ModeStage
{
    /// <summary>Above all memory the workload can have in the identity map.</summary>
    private const ulong Window = 0xd000_0000;

    private const ulong MostIdentity = 1UL << 30;

    private readonly WorkloadContext _context;
    private readonly IReadOnlyList<Gfn> _frames;
    private readonly GuestPageTables _tables;
    private AddressSpace? _space;

    public ModeStage(WorkloadContext context, SyntheticPaging mode, IReadOnlyList<Gfn> frames)
    {
        _context = context;
        _frames = frames;
        _tables = new GuestPageTables(context.Machine, Memory, context.Kernel.Frames, PagingFormat.Of(mode), selfMap: null);
    }

    private KernelMemory Memory => _context.Kernel.Memory;

    private GuestMachine Machine => _context.Machine;

    private PagingFormat Format => _tables.Format;

    /// <summary>Builds tables unless there are some, and turns paging on.</summary>
    public void Enter(Vcpu vcpu)
    {
        _space ??= Build(vcpu);
        var cr4 = Format.Mode switch
        {
            SyntheticPaging.TwoLevel => ControlBits.Cr4Pse,
            SyntheticPaging.FiveLevel => ControlBits.Cr4Pae | ControlBits.Cr4La57,
            _ => ControlBits.Cr4Pae,
        };
        Machine.WriteCr4(vcpu, cr4);
        Machine.WriteCr3(vcpu, _space.Root.Base.Value);
        if (Format.EntryBytes == 8)
            Machine.WriteEfer(vcpu, ControlBits.EferNxe | (Format.IsLong ? ControlBits.EferLme : 0));
        Machine.WriteCr0(vcpu, vcpu.Cr0 | ControlBits.Cr0Pg | ControlBits.Cr0Wp);
    }

    /// <summary>Touches the window, and now and then moves one of its pages to another frame.</summary>
    public void Work(Vcpu vcpu, int touches)
    {
        var random = _context.Random;
        Memory.Enter(vcpu, KernelFunction.Start);
        for (var i = 0; i < touches; i++)
        {
            var gva = Window + ((ulong)random.Below(_frames.Count) << 12) + (random.Below(512UL) * 8);
            if (random.Percent(5))
            {
                _tables.Write(vcpu, _space!, _tables.Find(vcpu, _space!, gva)!.Value.Place, Leaf());
                Machine.Invlpg(vcpu, gva);
            }
            Memory.Touch(vcpu, random.Percent(40) ? AccessKind.Write : AccessKind.Read, gva, 8);
        }
    }

    /// <summary>Turns paging off and undoes what <see cref="Enter"/> set.</summary>
    public void Leave(Vcpu vcpu, bool keepTables)
    {
        Memory.Jump(vcpu, GuestLayout.BootCode);
        Machine.WriteCr0(vcpu, vcpu.Cr0 & ~(ControlBits.Cr0Pg | ControlBits.Cr0Wp));
        if (Format.EntryBytes == 8)
            Machine.WriteEfer(vcpu, 0);
        Machine.WriteCr4(vcpu, 0);
        if (keepTables)
            return;
        foreach (var table in _space!.Tables)
            _context.Kernel.Frames.Free(table.Gfn);
        _context.Kernel.Frames.Free(_space.Root);
        _space = null;
    }

    private AddressSpace Build(Vcpu vcpu)
    {
        Memory.Enter(vcpu, KernelFunction.Start);
        var space = new AddressSpace((int)Format.Mode, _tables.AllocateTable(vcpu), firstArea: 0);
        var span = Format.Span(2);
        const ulong flags = Gpte.PresentMask | Gpte.WritableMask;
        for (var at = 0UL; at < Math.Min(Machine.Memory.LowBytes, MostIdentity); at += span)
            _tables.Write(vcpu, space, _tables.Ensure(vcpu, space, at, level: 2), new Gpte(at | flags | Gpte.LargeMask));
        for (var i = 0; i < _frames.Count; i++)
            _tables.Write(vcpu, space, _tables.Ensure(vcpu, space, Window + ((ulong)i << 12), level: 1), Leaf());
        return space;
    }

    private Gpte Leaf()
        => new(_frames[_context.Random.Below(_frames.Count)].Base.Value | Gpte.PresentMask | Gpte.WritableMask);
}
