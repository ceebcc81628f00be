namespace Replay.Replayer.Kvm.Mmu;

/// <summary>An entry of one of KVM's tables: 64 bits, read through named masks. What depends on the entry format is asked of <see cref="SpteFormat"/>.</summary>
/// <remarks>
/// <code>
/// EPT    63  62..59  58           57            56..54        53..52    51..12  11           10  9  8  7   6     5..3     2  1  0
///            mmio    mmu-         host-         saved R,X of  A/D type  frame   MMU_PRESENT      D  A  PS  IPAT  memtype  X  W  R
///            gen     writable     writable      access track
/// x86    63                                     62..52        51..12  11           10            9             8  7   6  5  4..3  2  1  0
///        NX                                     0 (mmio gen)  frame   MMU_PRESENT  mmu-writable  host-writable    PS  D  A        U  W  P
/// </code>
/// Invariant: MMU-writable implies host-writable; writable implies MMU-writable.
/// </remarks>
public readonly record struct Spte(ulong Raw)
{
    /// <summary>SPTE_MMU_PRESENT_MASK: ignored by every hardware format.</summary>
    public const ulong MmuPresentMask = 1UL << 11;

    /// <summary>PT_WRITABLE_MASK, the same bit in both formats.</summary>
    public const ulong WritableMask = 1UL << 1;

    /// <summary>PT_PAGE_SIZE_MASK, the same bit in both formats.</summary>
    public const ulong PageSizeMask = 1UL << 7;

    /// <summary>SPTE_BASE_ADDR_MASK: bits 51 to 12.</summary>
    public const ulong BaseAddressMask = 0x000f_ffff_ffff_f000;

    /// <summary>SPTE_TDP_AD_MASK: how A/D are tracked. 0 by hardware, 1 disabled, 2 write protection only.</summary>
    public const ulong TdpAdMask = 3UL << 52;

    public const ulong TdpAdDisabledMask = 1UL << 52;

    public const ulong TdpAdWriteProtectOnlyMask = 2UL << 52;

    /// <summary>REMOVED_SPTE: the TDP MMU's mark on an entry that is being taken away. FROZEN_SPTE has <see cref="SuppressVeMask"/> as well.</summary>
    public const ulong Removed = 0x5a0;

    /// <summary>VMX_EPT_SUPPRESS_VE_BIT. With it entries that hold nothing are not 0 in later kernels, whatever their format.</summary>
    public const ulong SuppressVeMask = 1UL << 63;

    private const byte AdTypeVersusPresent = (TdpAdMask & MmuPresentMask) == 0 ? 0 : -1;
    private const byte RemovedVersusPresent = (Removed & MmuPresentMask) == 0 ? 0 : -1;

    /// <summary>By the bit that is for nothing else. Kernels before it was made: <see cref="TablePage.IsPresent"/>.</summary>
    /// <remarks>KVM: is_shadow_present_pte().</remarks>
    public bool IsShadowPresent => (Raw & MmuPresentMask) != 0;

    /// <remarks>KVM: is_writable_pte().</remarks>
    public bool IsWritable => (Raw & WritableMask) != 0;

    /// <remarks>KVM: is_large_pte().</remarks>
    public bool IsLarge => (Raw & PageSizeMask) != 0;

    /// <remarks>KVM: is_removed_spte(), later is_frozen_spte().</remarks>
    public bool IsRemoved => (Raw & ~SuppressVeMask) == Removed;

    /// <remarks>KVM: spte_to_pfn().</remarks>
    public ulong Pfn => (Raw & BaseAddressMask) >> 12;

    /// <summary>The entry maps memory, as against pointing at a table.</summary>
    /// <remarks>KVM: is_last_spte().</remarks>
    public bool IsLast(int level) => level == 1 || IsLarge;

    public Spte With(ulong mask) => new(Raw | mask);

    public Spte Without(ulong mask) => new(Raw & ~mask);

    public override string ToString() => $"{Raw:x16}";
}

/// <summary>A place in a table page: what KVM's code holds as <c>u64 *sptep</c>.</summary>
public readonly record struct Sptep(ShadowPage Page, int Index)
{
    public Spte Value => Page[Index];

    /// <summary>The level of the entry.</summary>
    public int Level => Page.Role.Level;

    /// <summary>The entry maps memory or points at a table, by the bit that the kernel has for it.</summary>
    /// <remarks>KVM: is_shadow_present_pte().</remarks>
    public bool IsPresent => Page.IsPresent(Page[Index]);

    /// <summary>First gfn that the entry translates.</summary>
    public ulong Gfn => Page.GfnAt(Index);

    /// <summary>The place in 31 bits, as reverse maps hold it: the page's frame number in the pool, then the index. Never 0.</summary>
    /// <remarks><see cref="TablePages.Unpack"/> is the way back.</remarks>
    internal int Packed => Page.Frame << 9 | Index;

    public override string ToString() => $"{Page.Id}[{Index}]";
}

/// <summary>Access rights in KVM's own form.</summary>
/// <remarks>KVM: ACC_EXEC_MASK, ACC_WRITE_MASK, ACC_USER_MASK.</remarks>
[Flags]
public enum PteAccess : byte
{
    None = 0,
    Exec = 1,
    Write = 2,
    User = 4,
    All = Exec | Write | User,
}

/// <summary>The levels of a page-table tree by their names in KVM. <see cref="PageLevels"/> does the arithmetic.</summary>
/// <remarks>KVM: enum pg_level and the PT*_ROOT_LEVEL constants.</remarks>
public static class PgLevel
{
    /// <summary>PG_LEVEL_4K: entries of a PT.</summary>
    public const int Size4K = 1;

    /// <summary>PG_LEVEL_2M: entries of a PD.</summary>
    public const int Size2M = 2;

    /// <summary>PG_LEVEL_1G: entries of a PDPT.</summary>
    public const int Size1G = 3;

    /// <summary>KVM_MAX_HUGEPAGE_LEVEL.</summary>
    public const int MaxHugePage = Size1G;

    /// <summary>PT32_ROOT_LEVEL: the top of 32-bit paging.</summary>
    public const int Root32 = 2;

    /// <summary>PT32E_ROOT_LEVEL: the four PDPTEs of PAE paging.</summary>
    public const int RootPae = 3;

    /// <summary>PT64_ROOT_4LEVEL.</summary>
    public const int Root4 = 4;

    /// <summary>PT64_ROOT_5LEVEL.</summary>
    public const int Root5 = 5;
}
