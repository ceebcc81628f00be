using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Translates addresses of guests by the tables that these made, also where one guest's tables stand on another's.</summary>
internal sealed class GuestTranslation
{
    private readonly KvmVm _vm;
    private readonly PerForm<IKvmGuestWalker> _walkers;

    public GuestTranslation(KvmVm vm)
    {
        _vm = vm;
        Walker64 = new KvmGuestWalker<Paging64>(vm, this);
        Walker32 = new KvmGuestWalker<Paging32>(vm, this);
        WalkerEpt = new KvmGuestWalker<PagingEpt>(vm, this);
        _walkers = new PerForm<IKvmGuestWalker>(Walker64, Walker32, WalkerEpt);
    }

    public KvmGuestWalker<Paging64> Walker64 { get; }

    public KvmGuestWalker<Paging32> Walker32 { get; }

    public KvmGuestWalker<PagingEpt> WalkerEpt { get; }

    /// <summary>
    /// Translates a linear address as the running guest would. A guest whose own tables the CPU walks needs it of KVM only if it is nested:
    /// otherwise the fault has told the guest-physical address.
    /// </summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="gva">The address.</param>
    /// <param name="access">What is asked, in error-code bits.</param>
    /// <param name="overridesSmap">EFLAGS.AC is set.</param>
    /// <param name="gpa">The result; null where KVM walks nothing.</param>
    /// <param name="fault">Or why there is none.</param>
    /// <returns>False: the guest, or its hypervisor, gets the fault.</returns>
    /// <remarks>KVM: kvm_mmu_gva_to_gpa_read() and its like.</remarks>
    public bool TryTranslate(KvmVcpu vcpu, ulong gva, ulong access, bool overridesSmap, out ulong? gpa, out WalkFault fault)
    {
        gpa = null;
        fault = default;
        vcpu.RegisterWrites.CachePdptrs();
        if (_walkers.Of(vcpu.WalkMmu) is { } walker)
        {
            var found = walker.TryTranslate(vcpu, vcpu.WalkMmu, gva, access, overridesSmap, out var address, out fault);
            gpa = address;
            return found;
        }

        if (!vcpu.IsNested)
            return true;
        var mapped = TryTranslateNested(vcpu, gva, access, out var l1, out fault);
        gpa = l1;
        return mapped;
    }

    /// <summary>Translates a nested guest's physical address by the tables that its hypervisor made for it.</summary>
    /// <remarks>KVM: translate_nested_gpa().</remarks>
    public bool TryTranslateNested(KvmVcpu vcpu, ulong gpa, ulong access, out ulong result, out WalkFault fault)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.TranslateNestedGpa);
        return _walkers.Of(vcpu.GuestMmu)!.TryTranslate(
            vcpu, vcpu.GuestMmu, gpa, access | Pferr.User, overridesSmap: false, out result, out fault);
    }
}
