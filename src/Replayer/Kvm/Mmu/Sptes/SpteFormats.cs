using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Which entry format a mode uses on a host.</summary>
/// <remarks>KVM: kvm_mmu_reset_all_pte_masks(), kvm_mmu_set_ept_masks().</remarks>
public static class SpteFormats
{
    /// <summary>SHADOW_NONPRESENT_OR_RSVD_MASK_LEN.</summary>
    private const int L1tfBits = 5;

    public static SpteFormat For(MmuMode mode, HostProfile profile, KvmBehaviour kernel)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(kernel);
        if (!kernel.HasPresentBit)
        {
            Invariant.Holds(mode == MmuMode.Ept, $"{kernel} has no entry format of mode {mode.Name()}");
            return SpteFormat.EptPresentByRights(profile.EptAdBits);
        }

        var l1tf = profile.L1tf ? ((1UL << L1tfBits) - 1) << (profile.PhysicalAddressBits - L1tfBits) : 0;
        if (mode.UsesEptFormat())
            return SpteFormat.Ept(profile.EptAdBits, profile.EptExecuteOnly, l1tf, profile.MmioCaching, kernel.EptSuppressesVe);
        var mmio = profile is { MmioCaching: true, PhysicalAddressBits: < 52 } ? 1UL << 51 | 1 : 0;
        return SpteFormat.X86(mmio, l1tf);
    }
}
