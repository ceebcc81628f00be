using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// Takes the machine from 32-bit protected mode without paging, as a boot loader leaves it, to the paging mode wanted: builds the
/// kernel's tables with paging off, loads the control registers in the order the manuals ask for, jumps high and drops the identity map.
/// </summary>
internal sealed class BootSequence
{
    private const ulong IdentityBytes = GuestLayout.FirstFree;
    private const ulong EarlyLimit = 1UL << 30;

    private readonly GuestMachine _machine;
    private readonly KernelMemory _memory;
    private readonly GuestPageTables _tables;
    private readonly GuestLayout _layout;
    private readonly KernelOptions _options;

    public BootSequence(GuestMachine machine, KernelMemory memory, GuestPageTables tables, GuestLayout layout, KernelOptions options)
    {
        _machine = machine;
        _memory = memory;
        _tables = tables;
        _layout = layout;
        _options = options;
    }

    public void Run(AddressSpace kernel, TlbMaintenance tlb)
    {
        foreach (var vcpu in _machine.Vcpus)
            _machine.Start(vcpu, GuestLayout.BootCode);
        var first = _machine.Vcpus[0];
        _memory.Jump(first, GuestLayout.BootCode);
        _machine.LoadGdt(first, GuestLayout.BootCode + 0x100, 0x37);
        if (_options.Paging != SyntheticPaging.Off)
            BuildTables(first, kernel);
        foreach (var vcpu in _machine.Vcpus)
            Enter(vcpu, kernel, tlb);
        if (_options.Paging == SyntheticPaging.Off)
            return;
        DropIdentity(first, kernel);
        tlb.FlushSpace(first, kernel);
        MapHighMemory(first, kernel);
    }

    private void BuildTables(Vcpu vcpu, AddressSpace kernel)
    {
        _memory.ClearPage(vcpu, kernel.Root);
        var low = Math.Min(_machine.Memory.LowBytes, EarlyLimit);
        Map(vcpu, kernel, 0, 0, IdentityBytes, isGlobal: false);
        Map(vcpu, kernel, _layout.DirectMap, 0, low, isGlobal: true);
        if (_layout.KernelBase != _layout.DirectMap)
            Map(vcpu, kernel, _layout.KernelBase, 0, IdentityBytes, isGlobal: true);
        // The table of the device window exists from the start, so that every space shares it.
        _tables.Ensure(vcpu, kernel, _layout.Devices, level: 1);
        if (_options.SelfMap)
        {
            var place = _tables.PlaceIn(kernel.Root.Base, _layout.SelfMap, _tables.Format.Levels);
            _tables.Write(vcpu, kernel, place, new Gpte(kernel.Root.Base.Value | Gpte.PresentMask | Gpte.WritableMask));
        }
    }

    private void Map(Vcpu vcpu, AddressSpace kernel, ulong gva, ulong gpa, ulong bytes, bool isGlobal)
    {
        var isSmall = _options is { Paging: SyntheticPaging.TwoLevel, PageSizeExtension: false };
        var level = isSmall ? 1 : 2;
        var span = _tables.Format.Span(level);
        var flags = Gpte.PresentMask | Gpte.WritableMask | (level == 2 ? Gpte.LargeMask : 0);
        if (isGlobal && _options.GlobalPages)
            flags |= Gpte.GlobalMask;
        for (var at = 0UL; at < bytes; at += span)
        {
            var place = _tables.Ensure(vcpu, kernel, gva + at, level);
            _tables.Write(vcpu, kernel, place, new Gpte((gpa + at) | flags));
        }
    }

    private void Enter(Vcpu vcpu, AddressSpace kernel, TlbMaintenance tlb)
    {
        _memory.Jump(vcpu, GuestLayout.BootCode);
        if (_options.Paging != SyntheticPaging.Off)
            TurnPagingOn(vcpu, kernel);
        var index = vcpu.Index;
        _memory.Enter(vcpu, KernelFunction.Start);
        _machine.LoadGdt(vcpu, _layout.VcpuBlock(index), 0x7f);
        _machine.LoadIdt(vcpu, _layout.Idt, _tables.Format.IsLong ? 0xfffu : 0x7ffu);
        _machine.LoadTask(vcpu, _layout.Tss(index), 0x67);
        vcpu.KernelStack = _layout.StackTop(index);
        vcpu.Stack = vcpu.KernelStack;
        if (_options.Paging == SyntheticPaging.Off)
            return;
        var late = LateFeatures();
        if (late != 0)
            _machine.WriteCr4(vcpu, vcpu.Cr4 | late);
        if (_options.Pcid && _tables.Format.IsLong)
            _machine.WriteCr4(vcpu, vcpu.Cr4 | ControlBits.Cr4Pcide);
        tlb.Load(vcpu, kernel);
    }

    private void TurnPagingOn(Vcpu vcpu, AddressSpace kernel)
    {
        var cr4 = _options.Paging switch
        {
            SyntheticPaging.TwoLevel => _options.PageSizeExtension ? ControlBits.Cr4Pse : 0,
            SyntheticPaging.FiveLevel => ControlBits.Cr4Pae | ControlBits.Cr4La57,
            _ => ControlBits.Cr4Pae,
        };
        if (cr4 != 0)
            _machine.WriteCr4(vcpu, vcpu.Cr4 | cr4);
        _machine.WriteCr3(vcpu, kernel.Root.Base.Value);
        if (_options.Paging != SyntheticPaging.TwoLevel)
        {
            var efer = ControlBits.EferNxe | (_tables.Format.IsLong ? ControlBits.EferLme | ControlBits.EferSce : 0);
            _machine.WriteEfer(vcpu, efer);
        }
        _machine.WriteCr0(vcpu, vcpu.Cr0 | ControlBits.Cr0Pg | ControlBits.Cr0Wp);
    }

    private ulong LateFeatures()
    {
        var features = _options.GlobalPages ? ControlBits.Cr4Pge : 0;
        if (_options.Paging != SyntheticPaging.TwoLevel && _options.Smap)
            features |= ControlBits.Cr4Smep | ControlBits.Cr4Smap;
        if (_options.ProtectionKeys && _tables.Format.IsLong)
            features |= ControlBits.Cr4Pke;
        return features;
    }

    private void DropIdentity(Vcpu vcpu, AddressSpace kernel)
    {
        var format = _tables.Format;
        for (var at = 0UL; at < IdentityBytes; at += format.Span(format.Levels))
            _tables.Write(vcpu, kernel, _tables.PlaceIn(kernel.Root.Base, at, format.Levels), default);
    }

    private void MapHighMemory(Vcpu vcpu, AddressSpace kernel)
    {
        var memory = _machine.Memory;
        if (memory.LowBytes > EarlyLimit)
            Map(vcpu, kernel, _layout.DirectMap + EarlyLimit, EarlyLimit, memory.LowBytes - EarlyLimit, isGlobal: true);
        if (memory.HighBytes > 0)
            Map(vcpu, kernel, _layout.DirectMap + MachineMemory.HighBase, MachineMemory.HighBase, memory.HighBytes, isGlobal: true);
    }
}
