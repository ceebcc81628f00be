using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Analyzer.Store;

/// <summary>Tells what an entry's value is, by the masks of the run's entry format.</summary>
/// <param name="IsEpt">EPT format, not x86.</param>
/// <param name="MmioMask">Bits that an MMIO entry has in common.</param>
/// <param name="MmioValue">Their value; 0: no MMIO entries.</param>
/// <param name="PresentByRights">There is no MMU_PRESENT bit (Linux before 5.13): an entry with rights is present.</param>
/// <param name="HasGaps">The source does not show everything: <see cref="Unseen"/> stands for the rest.</param>
public readonly record struct EntryClassifier(bool IsEpt, ulong MmioMask, ulong MmioValue, bool PresentByRights = false, bool HasGaps = false)
{
    private const ulong EptMmioMask = 7;
    private const ulong EptMmioValue = 6;
    private const ulong EarlyEptMmio = 0xffUL << 49 | 6;
    private const ulong X86Mmio = 1UL << 51 | 1;
    private const ulong X86PresentMask = 1;
    private const ulong EptRights = 7;

    /// <summary>The masks that hosts without memory encryption use.</summary>
    /// <remarks>KVM: kvm_mmu_set_ept_masks(), kvm_mmu_reset_all_pte_masks().</remarks>
    public static EntryClassifier For(MmuMode mode) =>
        mode.UsesEptFormat() ? new(true, EptMmioMask, EptMmioValue) : new(false, X86Mmio, X86Mmio);

    /// <summary>The same for a kernel's own entries.</summary>
    public static EntryClassifier For(MmuMode mode, KvmBehaviour kernel)
    {
        ArgumentNullException.ThrowIfNull(kernel);
        return kernel.HasPresentBit ? For(mode) : new(true, EarlyEptMmio, EarlyEptMmio, PresentByRights: true);
    }

    /// <summary>Modelled entries whose software bits are 11 and 10: where there is no bit for what is present.</summary>
    internal bool HasEarlySoftwareBits => PresentByRights && !HasGaps;

    /// <summary>What a write made of an entry. mark_mmio_spte shows that it was made an MMIO entry, not its value.</summary>
    internal EntryKind ClassifyNew(in TableWrite write)
    {
        var kind = Classify(write.New, write.Level);
        return kind == EntryKind.Unknown && write.Tracepoint == Tracepoint.MarkMmioSpte ? EntryKind.Mmio : kind;
    }

    public EntryKind Classify(ulong value, int level)
    {
        // Linux 6.10 and later set bit 63 (suppress #VE) in entries that are not present.
        if ((value & ~Spte.SuppressVeMask) == 0)
            return EntryKind.None;
        return HasGaps ? ClassifySeen(value, level) : ClassifyModelled(WithPresentBit(value), level);
    }

    private EntryKind ClassifySeen(ulong value, int level)
    {
        if (value == Unseen.Word)
            return EntryKind.Unknown;
        return ClassifyModelled(WithPresentBit(value), level);
    }

    private ulong WithPresentBit(ulong value)
    {
        var isPresent = PresentByRights && (value & (IsEpt ? EptRights : X86PresentMask)) != 0 && (MmioValue == 0 || (value & MmioMask) != MmioValue);
        return isPresent ? value | Spte.MmuPresentMask : value;
    }

    private EntryKind ClassifyModelled(ulong value, int level)
    {
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
