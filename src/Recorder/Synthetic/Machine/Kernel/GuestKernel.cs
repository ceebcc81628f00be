using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// A kernel small enough to be read and large enough to do to its page tables what real ones do. It touches memory only through the
/// machine, so that each of its loads and stores is in the stream, and it flushes wherever the architecture asks for it.
/// </summary>
public sealed class GuestKernel
{
    private const ulong FirstArea32 = 0x1000_0000;
    private const ulong FirstArea64 = 0x5600_0000_0000;

    private readonly ExceptionDelivery _delivery;
    private readonly PageFaultHandler _faults;
    private int _nextSpace = 1;

    public GuestKernel(GuestMachine machine, KernelOptions options)
    {
        Machine = machine;
        Options = options;
        Layout = GuestLayout.Of(options.Paging);
        Frames = new FrameAllocator(machine.Memory);
        Memory = new KernelMemory(machine, Layout);
        var format = PagingFormat.Of(options.Paging);
        var selfMap = options.SelfMap ? new SelfMap(format, Layout.SelfMap) : null;
        Tables = new GuestPageTables(machine, Memory, Frames, format, selfMap);
        _delivery = new ExceptionDelivery(machine);
        Tlb = new TlbMaintenance(machine, Memory, _delivery, Layout);
        Areas = new AreaOperations(this);
        LargePages = new LargePageOperations(this);
        _faults = new PageFaultHandler(this, _delivery);
        KernelSpace = new AddressSpace(0, Frames.Allocate(), firstArea: 0);
    }

    public GuestMachine Machine { get; }

    public KernelOptions Options { get; }

    public GuestLayout Layout { get; }

    public FrameAllocator Frames { get; }

    public KernelMemory Memory { get; }

    public GuestPageTables Tables { get; }

    public TlbMaintenance Tlb { get; }

    public AreaOperations Areas { get; }

    public LargePageOperations LargePages { get; }

    /// <summary>The kernel's own space; its upper part is in every other.</summary>
    public AddressSpace KernelSpace { get; }

    public PagingFormat Format => Tables.Format;

    /// <summary>Boots all vCPUs into the paging mode of the options; they end at CPL 0 in the kernel's space.</summary>
    public void Boot() => new BootSequence(Machine, Memory, Tables, Layout, Options).Run(KernelSpace, Tlb);

    /// <summary>A new space: an own lower part, nothing mapped in it, one executable area for code.</summary>
    public AddressSpace CreateSpace(Vcpu vcpu)
    {
        var root = MakeRoot(vcpu);
        var space = new AddressSpace(_nextSpace++, root, Format.IsLong ? FirstArea64 : FirstArea32);
        space.Areas.Add(new MemoryArea { Start = GuestLayout.UserCode, Bytes = 1 << 20, Writable = false, Executable = true });
        AddPaeDirectories(vcpu, space);
        return space;
    }

    /// <summary>A new space with the areas of another and nothing mapped.</summary>
    internal AddressSpace CreateSpaceLike(Vcpu vcpu, AddressSpace other)
    {
        var space = other.CopyNotes(_nextSpace++, MakeRoot(vcpu));
        AddPaeDirectories(vcpu, space);
        return space;
    }

    /// <summary>The vCPU goes on in another space; called and ends in the kernel.</summary>
    public void SwitchTo(Vcpu vcpu, AddressSpace space)
    {
        Memory.Enter(vcpu, KernelFunction.SwitchSpace);
        Tlb.Load(vcpu, space);
    }

    /// <summary>SYSCALL: from the program into the kernel.</summary>
    public void EnterKernel(Vcpu vcpu)
    {
        if (vcpu.Cpl == 0)
            return;
        vcpu.Cpl = 0;
        vcpu.AlignmentCheck = false;
        vcpu.Stack = vcpu.KernelStack;
        Memory.Enter(vcpu, KernelFunction.SystemCallEntry);
        Memory.Touch(vcpu, AccessKind.Write, vcpu.Stack - 64, 64);
    }

    /// <summary>SYSRET: the vCPU runs the program of the loaded space; what it executes next says where.</summary>
    public void LeaveKernel(Vcpu vcpu)
    {
        Memory.Touch(vcpu, AccessKind.Read, vcpu.KernelStack - 64, 64);
        vcpu.Cpl = 3;
        vcpu.AlignmentCheck = false;
    }

    /// <summary>A timer interrupt takes the vCPU from its program, and to <paramref name="next"/>'s where there is one.</summary>
    public void Interrupt(Vcpu vcpu, AddressSpace? next = null)
    {
        const int timerVector = 0xec;
        var program = _delivery.DeliverInterrupt(vcpu, timerVector);
        Memory.Enter(vcpu, KernelFunction.InterruptEntry);
        if (next is not null && !ReferenceEquals(Tlb.Loaded(vcpu), next))
            SwitchTo(vcpu, next);
        _delivery.Return(vcpu, program);
    }

    /// <summary>
    /// The program makes an access, and again after the kernel handled its fault.
    /// </summary>
    /// <returns>False: the kernel could not help, the program would get a signal; the access did not happen.</returns>
    public bool Run(Vcpu vcpu, ulong rip, AccessKind kind, ulong gva, int size)
    {
        while (true)
        {
            if (Machine.Execute(vcpu, rip) && Machine.Access(vcpu, kind, gva, size))
                return true;
            if (!_faults.Handle(vcpu))
                return false;
        }
    }

    /// <summary>The kernel touches a program's memory, with EFLAGS.AC set where SMAP would forbid it.</summary>
    /// <returns>False: the address is not the program's.</returns>
    public bool TouchUser(Vcpu vcpu, AccessKind kind, ulong gva, int size)
    {
        vcpu.AlignmentCheck = true;
        var done = Run(vcpu, vcpu.Rip, kind, gva, size);
        vcpu.AlignmentCheck = false;
        return done;
    }

    private Gfn MakeRoot(Vcpu vcpu)
    {
        var root = Tables.AllocateTable(vcpu);
        var top = Format.Levels;
        for (var i = FirstKernelEntry; i < Format.Entries(top); i++)
        {
            var offset = (ulong)(i * Format.EntryBytes);
            var entry = Memory.Load(vcpu, Memory.AddressOf(vcpu, new Gpa(KernelSpace.Root.Base.Value + offset)), Format.EntryBytes);
            if (Options.SelfMap && i == Format.Index(Layout.SelfMap, top))
                entry = root.Base.Value | Gpte.PresentMask | Gpte.WritableMask;
            if (entry != 0)
                Memory.Store(vcpu, Memory.AddressOf(vcpu, new Gpa(root.Base.Value + offset)), Format.EntryBytes, entry);
        }
        return root;
    }

    private int FirstKernelEntry => Format.IsLong ? 256 : Format.Index(Layout.KernelBase, Format.Levels);

    // PDPTEs reach the CPU only by a load of CR3; directories that exist from the start spare those loads.
    private void AddPaeDirectories(Vcpu vcpu, AddressSpace space)
    {
        if (Format.Mode != SyntheticPaging.Pae)
            return;
        for (var i = 0UL; i < 3; i++)
            Tables.MakeTable(vcpu, space, Tables.PlaceIn(space.Root.Base, i << 30, 3));
    }
}
