using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Registers;

/// <summary>What KVM does when the guest writes a control register and that exits. The registers themselves are written here.</summary>
internal class RegisterWrites(KvmVcpu vcpu, MmuContexts contexts, MmuRoots roots, RootCache rootCache, GuestTranslation translation)
{
    /// <summary>KVM_MMU_CR0_ROLE_BITS.</summary>
    private const ulong Cr0RoleBits = ControlBits.Cr0Pg | ControlBits.Cr0Wp;

    /// <summary>KVM_MMU_CR4_ROLE_BITS.</summary>
    private const ulong Cr4RoleBits = ControlBits.Cr4Pse | ControlBits.Cr4Pae | ControlBits.Cr4La57
        | ControlBits.Cr4Smep | ControlBits.Cr4Smap | ControlBits.Cr4Pke;

    /// <summary>KVM_MMU_EFER_ROLE_BITS.</summary>
    private const ulong EferRoleBits = ControlBits.EferLme | ControlBits.EferNxe;

    /// <summary>X86_CR0_PDPTR_BITS.</summary>
    private const ulong Cr0PdptrBits = ControlBits.Cr0Cd | ControlBits.Cr0Nw | ControlBits.Cr0Pg;

    /// <summary>X86_CR4_PDPTR_BITS.</summary>
    protected const ulong Cr4PdptrBits = ControlBits.Cr4Pge | ControlBits.Cr4Pse | ControlBits.Cr4Pae | ControlBits.Cr4Smep;

    private const ulong PcidMask = 0xfff;

    private readonly KvmVm _vm = vcpu.Vm;
    private readonly ControlRegisters _registers = vcpu.Registers;

    /// <summary>The kernel's way of it.</summary>
    public static RegisterWrites Of(KvmVcpu vcpu, ShadowMmu mmu) => vcpu.Vm.Kernel.RootsFollowRoles
        ? new RegisterWrites(vcpu, mmu.Contexts, mmu.Roots, mmu.RootCache, mmu.Translation)
        : new EarlyRegisterWrites(vcpu, mmu.Contexts, mmu.Roots, mmu.RootCache, mmu.Translation);

    /// <summary>The write that an exit tells of.</summary>
    public void SetCr(in VmExit exit)
    {
        switch (exit.Reason)
        {
            case ExitReason.Cr0Write:
                SetCr0(exit.Info2);
                break;
            case ExitReason.Cr3Write:
                SetCr3(exit.Info2);
                break;
            default:
                SetCr4(exit.Info2);
                break;
        }
    }

    /// <remarks>KVM: kvm_set_cr0(), vmx_set_cr0(), svm_set_cr0().</remarks>
    public virtual void SetCr0(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr0);
        var old = _registers.Cr0;
        var pae = (_registers.Cr4 & ControlBits.Cr4Pae) != 0;
        var legacyPaging = (_registers.Efer & ControlBits.EferLme) == 0 && (value & ControlBits.Cr0Pg) != 0;
        if (legacyPaging && pae && ((value ^ old) & Cr0PdptrBits) != 0)
            LoadPdptrs(_registers.Cr3);
        _registers.Cr0 = value;
        if ((_registers.Efer & ControlBits.EferLme) != 0)
            SetLongModeActive((value & ControlBits.Cr0Pg) != 0);
        PostSetCr0(old, value);
    }

    /// <remarks>KVM: kvm_set_cr3().</remarks>
    public virtual void SetCr3(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr3);
        var skipFlush = false;
        var pcid = 0UL;
        if (_registers.Pcide)
        {
            skipFlush = (value & ControlBits.Cr3NoFlush) != 0;
            value &= ~ControlBits.Cr3NoFlush;
            pcid = value & PcidMask;
        }

        var paePaging = _registers.Mode == PagingMode.Pae;
        if (value != _registers.Cr3 || paePaging)
        {
            if (paePaging)
                LoadPdptrs(value);
            if (value != _registers.Cr3)
                rootCache.NewPgd(vcpu, value);
            _registers.Cr3 = value;
        }

        if (!skipFlush)
            InvalidatePcid(pcid);
    }

    /// <remarks>KVM: kvm_set_cr4().</remarks>
    public virtual void SetCr4(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSetCr4);
        var old = _registers.Cr4;
        var legacyPae = !_registers.LongMode && _registers.PagingEnabled && (value & ControlBits.Cr4Pae) != 0;
        if (legacyPae && ((value ^ old) & Cr4PdptrBits) != 0)
            LoadPdptrs(_registers.Cr3);
        if (_vm.Profile.Vendor == Host.CpuVendor.Amd && _vm.TdpEnabled && ((value ^ old) & ControlBits.Cr4Pge) != 0)
        {
            using var svm = _vm.Journal.Enter(KvmFunction.SvmSetCr4);
            vcpu.Tlb.FlushCurrent();
        }

        _registers.Cr4 = value;
        PostSetCr4(old, value);
    }

    /// <remarks>KVM: set_efer().</remarks>
    public virtual void SetEfer(ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.SetEfer);
        var old = _registers.Efer;
        value = (value & ~ControlBits.EferLma) | (old & ControlBits.EferLma);
        _registers.Efer = value;
        if (((value ^ old) & EferRoleBits) != 0)
            contexts.Reset(vcpu);
    }

    /// <summary>The guest drops what it cached under a PCID.</summary>
    /// <remarks>KVM: kvm_invalidate_pcid().</remarks>
    public void InvalidatePcid(ulong pcid)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmInvalidatePcid);
        if (_vm.TdpEnabled)
        {
            vcpu.Requests |= VcpuRequests.TlbFlushGuest;
            return;
        }

        if (vcpu.ActivePcid == pcid)
            vcpu.Requests |= VcpuRequests.MmuSync | VcpuRequests.TlbFlushCurrent;
        if (!_registers.Pcide)
            return;
        var set = MmuRootSet.None;
        for (var i = 0; i < KvmMmu.PreviousRootCount; i++)
        {
            if ((vcpu.Mmu.PreviousRoots[i].Pgd & PcidMask) == pcid)
                set |= MmuRoots.Previous(i);
        }

        roots.Free(vcpu.Mmu, set);
    }

    /// <summary>KVM walks the guest's tables and needs the PDPTEs. Without nested paging it has them; VMX tells them at each exit.</summary>
    /// <remarks>KVM: kvm_pdptr_read(), svm_cache_reg().</remarks>
    public void CachePdptrs()
    {
        if (vcpu.HasPdptrs || !_vm.TdpEnabled || _vm.Profile.Vendor != Host.CpuVendor.Amd || _registers.Mode != PagingMode.Pae)
            return;
        vcpu.HasPdptrs = true;
        if (!HasReservedPdpte())
            LoadPdptrs(_registers.Cr3);
    }

    /// <summary>load_pdptrs() takes none of the four then, and asks for nothing. A CPU that sets accessed bits there, which are reserved, brings that about.</summary>
    /// <remarks>KVM: load_pdptrs(), pdptr_rsvd_bits().</remarks>
    private bool HasReservedPdpte()
    {
        const ulong reserved = 0x1e6;
        var table = _registers.Cr3 & 0xffff_ffe0;
        if (vcpu.IsNested && !translation.TryTranslateNested(vcpu, table, Pferr.User | Pferr.Write, out table, out _))
            return true;
        var beyond = ulong.MaxValue << _vm.Profile.GuestPhysicalAddressBits;
        for (var i = 0; i < 4; i++)
        {
            if (_vm.GuestMemory.TryRead64(table + ((ulong)i * 8), out var pdpte) && (pdpte & PteBits.Present) != 0 && (pdpte & (reserved | beyond)) != 0)
                return true;
        }

        return false;
    }

    /// <summary>Reads the four PDPTEs from guest memory.</summary>
    /// <remarks>KVM: load_pdptrs().</remarks>
    public void LoadPdptrs(ulong cr3)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.LoadPdptrs);
        var changed = false;
        var table = cr3 & 0xffff_ffe0;
        if (vcpu.IsNested && !translation.TryTranslateNested(vcpu, table, Pferr.User | Pferr.Write, out table, out _))
            return;
        for (var i = 0; i < 4; i++)
        {
            if (!_vm.GuestMemory.TryRead64(table + ((ulong)i * 8), out var pdpte))
                _vm.Journal.Note(ModelNote.UnknownTableContent, 0, cr3 >> 12, 0);
            pdpte = PteBits.Pdpte(pdpte);
            changed |= _registers.Pdptes[i] != pdpte;
            _registers.LoadPdpte(i, pdpte);
        }

        // Shadow roots are made from the PDPTEs.
        if (changed && !_vm.TdpEnabled)
            roots.Free(vcpu.WalkMmu, MmuRootSet.Current);
        vcpu.HasPdptrs = true;
        vcpu.Requests |= VcpuRequests.LoadMmuPgd;
    }

    /// <remarks>KVM: kvm_post_set_cr0().</remarks>
    private void PostSetCr0(ulong old, ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmPostSetCr0);
        var changed = old ^ value;
        if (_vm.Kernel.IgnoresWpWithoutPaging && changed == ControlBits.Cr0Wp && (value & ControlBits.Cr0Pg) == 0)
            return;
        if (_vm.TdpEnabled && changed == ControlBits.Cr0Wp)
        {
            contexts.Init(vcpu);
            return;
        }

        if ((changed & ControlBits.Cr0Pg) != 0 && (value & ControlBits.Cr0Pg) == 0)
            vcpu.Requests |= VcpuRequests.TlbFlushGuest;
        if ((changed & Cr0RoleBits) != 0)
            contexts.Reset(vcpu);
    }

    /// <remarks>KVM: kvm_post_set_cr4().</remarks>
    private void PostSetCr4(ulong old, ulong value)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmPostSetCr4);
        var changed = old ^ value;
        var set = value & ~old;
        var cleared = old & ~value;
        if ((changed & Cr4RoleBits) != 0)
            contexts.Reset(vcpu);
        if (!_vm.TdpEnabled && (set & ControlBits.Cr4Pcide) != 0)
            roots.Unload(vcpu);
        if ((changed & ControlBits.Cr4Pge) != 0 || (cleared & ControlBits.Cr4Pcide) != 0)
            vcpu.Requests |= VcpuRequests.TlbFlushGuest;
        else if ((changed & ControlBits.Cr4Pae) != 0 || (set & ControlBits.Cr4Smep) != 0)
            vcpu.Requests |= VcpuRequests.TlbFlushCurrent;
    }

    /// <remarks>KVM: enter_lmode(), exit_lmode().</remarks>
    protected void SetLongModeActive(bool active) => _registers.Efer = active
        ? _registers.Efer | ControlBits.EferLma
        : _registers.Efer & ~ControlBits.EferLma;
}
