namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The memslot generation that an MMIO entry was made in: the entry is good for no other.</summary>
/// <remarks>
/// <code>
/// 63  62..52                      51..11  10..3                    2..0
///     generation, bits 18 to 8            generation, bits 7 to 0
/// </code>
/// KVM: generation_mmio_spte_mask(), get_mmio_spte_generation(), check_mmio_spte().
/// </remarks>
public static class MmioGeneration
{
    /// <summary>What an entry can hold of it: 19 bits.</summary>
    public const ulong Mask = (1UL << 19) - 1;

    private const int LowShift = 3;
    private const ulong LowMask = 0xffUL << 3;
    private const int HighShift = 52 - 8;
    private const ulong HighMask = 0x7ffUL << 52;

    public static ulong Of(Spte spte) => (spte.Raw & LowMask) >> LowShift | (spte.Raw & HighMask) >> HighShift;

    internal static ulong ToBits(ulong memslotGeneration)
    {
        var generation = memslotGeneration & Mask;
        return (generation << LowShift & LowMask) | (generation << HighShift & HighMask);
    }

    /// <summary>What entries hold starts again from 0 here, so that old ones would look current: all must go.</summary>
    /// <remarks>KVM: kvm_mmu_invalidate_mmio_sptes(). The lowest bits are the number of the address space.</remarks>
    internal static bool WrapsAround(ulong memslotGeneration) => (memslotGeneration & Mask & ~(Memslots.AddressSpaces - 1UL)) == 0;

    /// <summary>The entry is of this generation, and memslots are not just being changed.</summary>
    internal static bool IsCurrent(Spte spte, ulong generation) => (generation & Memslots.UpdateInProgress) == 0 && (generation & Mask) == Of(spte);
}
