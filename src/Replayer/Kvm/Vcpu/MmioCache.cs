namespace Replay.Replayer.Kvm;

/// <summary>The page of a vCPU's last MMIO access, so that the next one there needs no walk.</summary>
/// <remarks>KVM: mmio_gva, mmio_gfn, mmio_access and mmio_gen of struct kvm_vcpu_arch.</remarks>
public sealed class MmioCache
{
    private ulong _gva;
    private ulong _gfn;
    private ulong _generation = ulong.MaxValue;

    /// <summary>Rights the guest gives at the page.</summary>
    internal Mmu.PteAccess Access { get; private set; }

    internal ulong Gfn => _gfn;

    /// <remarks>KVM: vcpu_cache_mmio_info().</remarks>
    internal void Remember(ulong gva, ulong gfn, Mmu.PteAccess access, ulong generation)
    {
        if ((generation & Memslots.UpdateInProgress) != 0)
            return;
        _gva = gva & ~0xfffUL;
        _gfn = gfn;
        Access = access;
        _generation = generation;
    }

    /// <remarks>KVM: vcpu_match_mmio_gva().</remarks>
    internal bool MatchesGva(ulong gva, ulong generation) => _generation == generation && _gva != 0 && _gva == (gva & ~0xfffUL);

    /// <remarks>KVM: vcpu_match_mmio_gpa().</remarks>
    internal bool MatchesGpa(ulong gpa, ulong generation) => _generation == generation && _gfn != 0 && _gfn == gpa >> 12;

    /// <summary>Forgets the page if it is the one of <paramref name="gva"/>.</summary>
    /// <remarks>KVM: vcpu_clear_mmio_info().</remarks>
    internal void Clear(ulong gva)
    {
        if (_gva == (gva & ~0xfffUL))
            _gva = 0;
    }

    /// <remarks>KVM: vcpu_clear_mmio_info() with MMIO_GVA_ANY.</remarks>
    internal void ClearAny() => _gva = 0;
}
