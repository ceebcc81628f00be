using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Registers;

/// <summary>What KVM does when the guest writes a control register, where a change of any bit that has to do with paging drops the roots.</summary>
internal sealed class EarlyRegisterWrites(KvmVcpu vcpu, MmuContexts contexts, MmuRoots roots, RootCache rootCache, GuestTranslation translation)
    : RegisterWrites(vcpu, contexts, roots, rootCache, translation)
{
    private const ulong Cr0Bits = ControlBits.Cr0Pg | ControlBits.Cr0Wp | ControlBits.Cr0Cd | ControlBits.Cr0Nw;

    private readonly KvmVcpu _vcpu = vcpu;
    private readonly KvmVm _vm = vcpu.Vm;
    private readonly ControlRegisters _registers = vcpu.Registers;
    private readonly MmuContexts _contexts = contexts;
    private readonly MmuRoots _roots = roots;

    /// <remarks>KVM: kvm_set_cr0(), vmx_set_cr0().</remarks>
    public override void SetCr0(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr0);
        var old = _registers.Cr0;
        var startsPaging = (value & ~old & ControlBits.Cr0Pg) != 0;
        var isLong = (_registers.Efer & ControlBits.EferLme) != 0;
        if (startsPaging && !isLong && (_registers.Cr4 & ControlBits.Cr4Pae) != 0)
            LoadPdptrs(_registers.Cr3);
        _registers.Cr0 = value;
        if (isLong)
            SetLongModeActive((value & ControlBits.Cr0Pg) != 0);
        if (((value ^ old) & Cr0Bits) != 0)
            _contexts.Reset(_vcpu);
    }

    /// <summary>With EPT it exits while paging is off alone. The root is dropped, and found again by its gfn.</summary>
    /// <remarks>KVM: kvm_set_cr3(), pdptrs_changed(), nonpaging_new_cr3().</remarks>
    public override void SetCr3(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr3);
        // With PAE on and long mode off, the PDPTEs have not been read since the exit, which counts as changed.
        var mayHaveOtherPdptes = !_registers.LongMode && (_registers.Cr4 & ControlBits.Cr4Pae) != 0;
        if (value == _registers.Cr3 && !mayHaveOtherPdptes)
        {
            if ((_vcpu.Requests & VcpuRequests.TlbFlush) == 0)
                _vcpu.FlushRequester = _vcpu.Id;
            _vcpu.Requests |= VcpuRequests.TlbFlush;
            return;
        }

        if (_registers.Mode == PagingMode.Pae)
            LoadPdptrs(value);
        // The guest gets #GP instead: the capture's did not.
        if (_vm.Memslots.Find(value >> 12) is null)
            _vm.Journal.Note(ModelNote.EventNotModelled, 0, value >> 12, 0);
        _registers.Cr3 = value;
        using var root = _vm.Journal.Enter(KvmFunction.KvmMmuNewPgd);
        _roots.Free(_vcpu.Mmu, MmuRootSet.Current);
    }

    /// <remarks>KVM: kvm_set_cr4().</remarks>
    public override void SetCr4(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr4);
        var old = _registers.Cr4;
        var legacyPae = !_registers.LongMode && _registers.PagingEnabled && (value & ControlBits.Cr4Pae) != 0;
        var pdptrBitsChanged = ((value ^ old) & Cr4PdptrBits) != 0;
        if (legacyPae && pdptrBitsChanged)
            LoadPdptrs(_registers.Cr3);
        _registers.Cr4 = value;
        if (pdptrBitsChanged || (old & ~value & ControlBits.Cr4Pcide) != 0)
            _contexts.Reset(_vcpu);
    }

    /// <remarks>KVM: set_efer().</remarks>
    public override void SetEfer(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.SetEfer);
        var old = _registers.Efer;
        _registers.Efer = (value & ~ControlBits.EferLma) | (old & ControlBits.EferLma);
        if (((value ^ old) & ControlBits.EferNxe) != 0)
            _contexts.Reset(_vcpu);
    }
}
