using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Shadow;
using Replay.Trace;

namespace Replay.Replayer.Kvm.Exits;

/// <summary>
/// Does what the faulting instruction does to memory, as far as it concerns the MMU; what it does to registers is the capture's affair.
/// Where a capture does not say which instruction stores (<see cref="StoreInstruction"/>), it is taken for one that may well be meant for a page
/// table, and is not retried.
/// </summary>
/// <remarks>KVM: x86_emulate_instruction(), emulator_read_write_onepage().</remarks>
internal sealed class Emulator(KvmVcpu vcpu, GuestTranslation translation, GuestTableWrites tableWrites, PerForm<IGpteSync> syncs)
{
    private const ulong ApicBase = 0xfee0_0000;

    private readonly KvmVm _vm = vcpu.Vm;

    /// <summary>The repeated string instruction in the midst of which the emulator is; 0: none.</summary>
    public ulong EmulatedString { get; private set; }

    /// <summary>The guest runs again.</summary>
    public void EndString() => EmulatedString = 0;

    /// <summary>An instruction faulted that the CPU cannot complete: it ends at a device, or at a page that is write-protected for good.</summary>
    /// <param name="address">The faulting address: with direct roots the gpa of the access.</param>
    /// <param name="exit">The access.</param>
    /// <param name="mayRetry">The page may be one that KVM protects for no good.</param>
    public ExitResult EmulateFaultingInstruction(ulong address, in VmExit exit, bool mayRetry)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.X86EmulateInstruction);
        if (exit.Access == AccessKind.Fetch && !TryFetch(exit))
            return ExitResult.GuestFault;
        if (!HasInstructionBytes)
            FetchInstruction(exit.Flags);
        if (Retries(address, exit, mayRetry))
            return ExitResult.Retry;
        return Emulate(address, exit);
    }

    /// <summary>The next store of a repeated string instruction, of which the emulator has done the ones before: all without running the guest.</summary>
    /// <remarks>KVM: x86_emulate_insn(), EMULATION_RESTART. It runs the guest again every 1024 elements, by a count that no capture has.</remarks>
    public ExitResult EmulateNext(ulong address, in VmExit exit)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.X86EmulateInstruction);
        return Emulate(address, exit);
    }

    private ExitResult Emulate(ulong address, in VmExit exit)
    {
        EmulatedString = 0;
        if (!TryFindGpa(address, exit, out var gpa, out var isMmio))
            return ExitResult.GuestFault;
        if (!isMmio && exit.Access == AccessKind.Write)
            WriteGuest(gpa, exit);
        if (exit.Instruction == StoreInstruction.Repeated)
            EmulatedString = _vm.Journal.Rip;
        return ExitResult.Emulated;
    }

    /// <summary>An intercepted instruction that the CPU did not decode for KVM: reads it, as decoding it would.</summary>
    /// <remarks>KVM: kvm_emulate_instruction(); kvm_skip_emulated_instruction() without next-RIP saving.</remarks>
    public void Decode()
    {
        using var scope = _vm.Journal.Enter(KvmFunction.X86EmulateInstruction);
        FetchInstruction(AccessFlags.None);
    }

    /// <summary>An instruction was emulated to its end: what was retried before counts no more.</summary>
    /// <remarks>KVM: retry_instruction() without EMULTYPE_ALLOW_RETRY_PF.</remarks>
    public void ForgetRetry()
    {
        if (!_vm.Kernel.WriteProtectedIsAnOutcome)
            vcpu.LastRetry = default;
    }

    /// <summary>
    /// An instruction that kernels do not use on page tables: the page is protected for no good. Once for an instruction and address, lest it go on
    /// for ever.
    /// </summary>
    /// <remarks>KVM: retry_instruction(), x86_page_table_writing_insn().</remarks>
    private bool Retries(ulong address, in VmExit exit, bool mayRetry)
    {
        var last = vcpu.LastRetry;
        ForgetRetry();
        if (!mayRetry || exit.Instruction is StoreInstruction.Untold or StoreInstruction.OnTables)
            return false;
        var now = (_vm.Journal.Rip, address);
        if (_vm.Kernel.WriteProtectedIsAnOutcome)
        {
            if (!Unprotect(address, exit))
                return false;
            vcpu.LastRetry = now;
            return true;
        }

        if (last == now)
            return false;
        vcpu.LastRetry = now;
        Unprotect(address, exit);
        return true;
    }

    private bool Unprotect(ulong address, in VmExit exit) =>
        tableWrites.UnprotectForRetry(vcpu, address, UserBit(exit.Flags), OverridesSmap(exit.Flags));

    /// <summary>AMD CPUs with decode assists hand over the bytes of an instruction that faulted.</summary>
    private bool HasInstructionBytes => _vm.Profile is { Vendor: CpuVendor.Amd, DecodeAssists: true };

    /// <summary>The walk to the instruction, which sets accessed bits. With two-dimensional paging the CPU's own walk has set them.</summary>
    private void FetchInstruction(AccessFlags flags)
    {
        var rip = _vm.Journal.Rip;
        if (rip == 0)
        {
            vcpu.RegisterWrites.CachePdptrs();
            return;
        }

        var access = Pferr.Fetch | UserBit(flags);
        translation.TryTranslate(vcpu, rip, access, overridesSmap: false, out _, out _);
    }

    /// <summary>The instruction itself faulted: there are no bytes of it, and the guest may not be allowed to fetch them.</summary>
    /// <returns>False: the guest got a fault instead.</returns>
    /// <remarks>KVM: __do_insn_fetch_bytes(), kvm_fetch_guest_virt().</remarks>
    private bool TryFetch(in VmExit exit)
    {
        var access = Pferr.Fetch | UserBit(exit.Flags);
        if (translation.TryTranslate(vcpu, exit.Gva, access, overridesSmap: false, out _, out var fault))
            return true;
        vcpu.Injector.InjectEmulatedPageFault(fault);
        return false;
    }

    /// <summary>Where the access goes.</summary>
    /// <returns>False: the guest got a fault instead.</returns>
    /// <remarks>KVM: vcpu_mmio_gva_to_gpa(), vcpu_is_mmio_gpa().</remarks>
    private bool TryFindGpa(ulong address, in VmExit exit, out ulong gpa, out bool isMmio)
    {
        gpa = address;
        isMmio = true;
        if (vcpu.IsNested || syncs.Of(vcpu.Mmu) is not null)
        {
            var access = UserBit(exit.Flags) | (exit.Access == AccessKind.Write ? Pferr.Write : 0);
            if (vcpu.Mmio.MatchesGva(exit.Gva, _vm.MmioGeneration) && IsAllowed(vcpu.Mmio.Access, access, exit.Flags))
            {
                gpa = vcpu.Mmio.Gfn << 12 | (exit.Gva & 0xfff);
                return true;
            }

            // A nested guest's address whose linear one is not known: what its own tables say of it is not, either.
            ulong? found = null;
            if (!(exit.IsPhysical && vcpu.IsNested
                ? TryTranslateNested(address, access, out found, out var fault)
                : translation.TryTranslate(vcpu, exit.Gva, access, OverridesSmap(exit.Flags), out found, out fault)))
            {
                vcpu.Injector.InjectEmulatedPageFault(fault);
                return false;
            }

            gpa = found ?? address;
        }

        isMmio = (gpa & ~0xfffUL) == ApicBase || vcpu.Mmio.MatchesGpa(gpa, _vm.MmioGeneration);
        return true;
    }

    private bool TryTranslateNested(ulong address, ulong access, out ulong? gpa, out WalkFault fault)
    {
        var isMapped = translation.TryTranslateNested(vcpu, address, access, out var found, out fault);
        gpa = found;
        return isMapped;
    }

    /// <summary>The rights kept with a device's address allow the access, protection keys aside.</summary>
    private bool IsAllowed(PteAccess rights, ulong access, AccessFlags flags) =>
        GuestPermissions.Fault(vcpu.WalkMmu.CpuRole, rights, key: 0, pkru: 0, access, OverridesSmap(flags)) == 0;

    /// <remarks>KVM: emulator_write_phys().</remarks>
    private void WriteGuest(ulong gpa, in VmExit exit)
    {
        if (_vm.Memslots.Find(gpa >> 12) is not { ReadOnly: false, IsInvalid: false } slot)
            return;
        slot.MarkDirty(gpa >> 12);
        if (exit.Value is { } value)
            _vm.GuestMemory.Store(gpa, value, exit.Size);
        else if (_vm.GuestMemory.Knows(gpa >> 12))
            _vm.Journal.Note(ModelNote.UnknownTableContent, exit.Gva, gpa, 0);
        tableWrites.Written(vcpu, gpa, exit.Size);
    }

    private static ulong UserBit(AccessFlags flags) =>
        (flags & (AccessFlags.User | AccessFlags.Implicit)) == AccessFlags.User ? Pferr.User : 0;

    private static bool OverridesSmap(AccessFlags flags) => (flags & AccessFlags.AlignmentCheck) != 0;
}
