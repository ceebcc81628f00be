using Replay.Replayer;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Store;

/// <summary>Tells what an entry's value is, by the masks of the run's entry format.</summary>
/// <param name="IsEpt">EPT format, not x86.</param>
/// <param name="MmioMask">Bits that an MMIO entry has in common.</param>
/// <param name="MmioValue">Their value; 0: no MMIO entries.</param>
public readonly record struct EntryClassifier(bool IsEpt, ulong MmioMask, ulong MmioValue)
{
    private const ulong EptMmioMask = 7;
    private const ulong EptMmioValue = 6;
    private const ulong X86Mmio = 1UL << 51 | 1;
    private const ulong X86PresentMask = 1;

    /// <summary>The masks that hosts without memory encryption use.</summary>
    /// <remarks>KVM: kvm_mmu_set_ept_masks(), kvm_mmu_reset_all_pte_masks().</remarks>
    public static EntryClassifier For(MmuMode mode) =>
        mode.UsesEptFormat() ? new(true, EptMmioMask, EptMmioValue) : new(false, X86Mmio, X86Mmio);

    public EntryKind Classify(ulong value, int level)
    {
        if (value == 0)
            return EntryKind.None;
        var spte = new Spte(value);
        if (spte.IsShadowPresent)
        {
            if (level == 1)
                return EntryKind.Page;
            return spte.IsLarge ? EntryKind.Huge : EntryKind.Table;
        }

        if (spte.IsRemoved)
            return EntryKind.Removed;
        if (MmioValue != 0 && (value & MmioMask) == MmioValue)
            return EntryKind.Mmio;
        return !IsEpt && (value & X86PresentMask) != 0 ? EntryKind.Root : EntryKind.Other;
    }
}
