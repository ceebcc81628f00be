namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// The masks of one entry format (EPT, or the x86 format that NPT and shadow tables share) on one host, and what can be said and
/// made of an entry with them alone.
/// </summary>
/// <remarks>KVM: the shadow_*_mask variables, kvm_mmu_set_ept_masks(), kvm_mmu_reset_all_pte_masks().</remarks>
public sealed class SpteFormat
{
    private const ulong EptReadable = 1UL << 0;
    private const ulong EptExecutable = 1UL << 2;
    private const ulong EptRwx = 7;
    private const ulong AccessTrackSavedBits = EptReadable | EptExecutable;
    private const int AccessTrackSavedShift = 54;
    private const int NonPresentOrReservedLength = 5;
    private const ulong EarlyMmio = 0xffUL << 49 | 6;

    private SpteFormat()
    {
    }

    public required bool IsEpt { get; init; }

    /// <summary>The bit that says that an entry maps memory or points at a table.</summary>
    public ulong PresenceMask { get; init; } = Spte.MmuPresentMask;

    public required ulong UserMask { get; init; }

    public required ulong AccessedMask { get; init; }

    public required ulong DirtyMask { get; init; }

    public required ulong NxMask { get; init; }

    public required ulong ExecMask { get; init; }

    public required ulong PresentMask { get; init; }

    /// <summary>Nonzero where the entry carries the memory type (EPT).</summary>
    public required ulong MemtypeMask { get; init; }

    public required ulong AccessTrackMask { get; init; }

    public required ulong HostWritableMask { get; init; }

    public required ulong MmuWritableMask { get; init; }

    public required ulong MmioValue { get; init; }

    public required ulong MmioMask { get; init; }

    public required ulong MmioAccessMask { get; init; }

    /// <summary>Bits set in MMIO entries against L1TF; 0 where the CPU has none.</summary>
    public required ulong NonPresentOrReservedMask { get; init; }

    /// <remarks>KVM: kvm_ad_enabled().</remarks>
    public bool AdEnabled => AccessedMask != 0;

    /// <summary>The masks of EPT entries.</summary>
    /// <remarks>KVM: kvm_mmu_set_ept_masks().</remarks>
    public static SpteFormat Ept(bool hasAdBits, bool hasExecOnly, ulong nonPresentOrReservedMask, bool mmioCaching = true, bool suppressesVe = false) => new()
    {
        IsEpt = true,
        UserMask = EptReadable,
        AccessedMask = hasAdBits ? 1UL << 8 : 0,
        DirtyMask = hasAdBits ? 1UL << 9 : 0,
        NxMask = 0,
        ExecMask = EptExecutable,
        PresentMask = (hasExecOnly ? 0 : EptReadable) | (suppressesVe ? Spte.SuppressVeMask : 0),
        MemtypeMask = 7UL << 3 | 1UL << 6,
        AccessTrackMask = EptRwx,
        HostWritableMask = 1UL << 57,
        MmuWritableMask = 1UL << 58,
        MmioValue = mmioCaching ? 6UL : 0,
        MmioMask = EptRwx | (suppressesVe ? Spte.SuppressVeMask : 0),
        MmioAccessMask = 0,
        NonPresentOrReservedMask = nonPresentOrReservedMask,
    };

    /// <summary>
    /// The masks of EPT entries before there was a bit for what is present: what can be read is. MMIO entries are known by eight bits that are
    /// set; they have no generation.
    /// </summary>
    /// <remarks>
    /// <code>
    /// 56..49        51..12  11            10             9  8  7   6     5..3     2  1  0
    /// all set: MMIO frame   mmu-writable  host-writable  D  A  PS  IPAT  memtype  X  W  R
    /// </code>
    /// KVM: kvm_mmu_set_mask_ptes(), ept_set_mmio_spte_mask().
    /// </remarks>
    public static SpteFormat EptPresentByRights(bool hasAdBits) => new()
    {
        IsEpt = true,
        PresenceMask = EptReadable,
        UserMask = 0,
        AccessedMask = hasAdBits ? 1UL << 8 : 0,
        DirtyMask = hasAdBits ? 1UL << 9 : 0,
        NxMask = 0,
        ExecMask = EptExecutable,
        PresentMask = EptReadable,
        MemtypeMask = 7UL << 3 | 1UL << 6,
        AccessTrackMask = 0,
        HostWritableMask = 1UL << 10,
        MmuWritableMask = 1UL << 11,
        MmioValue = EarlyMmio,
        MmioMask = EarlyMmio,
        MmioAccessMask = (ulong)(PteAccess.Write | PteAccess.User),
        NonPresentOrReservedMask = 0,
    };

    /// <summary>The masks of NPT entries and of shadow page tables.</summary>
    /// <remarks>KVM: kvm_mmu_reset_all_pte_masks().</remarks>
    public static SpteFormat X86(ulong mmioMask, ulong nonPresentOrReservedMask) => new()
    {
        IsEpt = false,
        UserMask = 1UL << 2,
        AccessedMask = 1UL << 5,
        DirtyMask = 1UL << 6,
        NxMask = 1UL << 63,
        ExecMask = 0,
        PresentMask = 1,
        MemtypeMask = 0,
        AccessTrackMask = 0,
        HostWritableMask = 1UL << 9,
        MmuWritableMask = 1UL << 10,
        MmioValue = mmioMask,
        MmioMask = mmioMask,
        MmioAccessMask = (ulong)(PteAccess.Write | PteAccess.User),
        NonPresentOrReservedMask = nonPresentOrReservedMask,
    };

    /// <remarks>KVM: is_mmio_spte().</remarks>
    public bool IsMmio(Spte spte) => MmioValue != 0 && (spte.Raw & MmioMask) == MmioValue;

    /// <remarks>KVM: spte_ad_enabled().</remarks>
    public static bool IsAdEnabled(Spte spte) => (spte.Raw & Spte.TdpAdMask) != Spte.TdpAdDisabledMask;

    /// <remarks>KVM: spte_ad_need_write_protect().</remarks>
    public static bool NeedsWriteProtectForDirty(Spte spte) => (spte.Raw & Spte.TdpAdMask) != 0;

    /// <remarks>KVM: spte_shadow_accessed_mask().</remarks>
    public ulong AccessedMaskOf(Spte spte) => IsAdEnabled(spte) ? AccessedMask : 0;

    /// <remarks>KVM: spte_shadow_dirty_mask().</remarks>
    public ulong DirtyMaskOf(Spte spte) => IsAdEnabled(spte) ? DirtyMask : 0;

    /// <remarks>KVM: is_access_track_spte().</remarks>
    public bool IsAccessTrack(Spte spte) => !IsAdEnabled(spte) && (spte.Raw & AccessTrackMask) == 0;

    /// <remarks>KVM: is_executable_pte().</remarks>
    public bool IsExecutable(Spte spte) => (spte.Raw & (ExecMask | NxMask)) == ExecMask;

    /// <remarks>KVM: is_accessed_spte().</remarks>
    public bool IsAccessed(Spte spte)
    {
        var mask = AccessedMaskOf(spte);
        return mask != 0 ? (spte.Raw & mask) != 0 : !IsAccessTrack(spte);
    }

    /// <remarks>KVM: is_dirty_spte().</remarks>
    public bool IsDirty(Spte spte)
    {
        var mask = DirtyMaskOf(spte);
        return mask != 0 ? (spte.Raw & mask) != 0 : spte.IsWritable;
    }

    /// <remarks>KVM: is_mmu_writable_spte().</remarks>
    public bool IsMmuWritable(Spte spte) => (spte.Raw & MmuWritableMask) != 0;

    /// <remarks>KVM: is_host_writable in older kernels; shadow_host_writable_mask.</remarks>
    public bool IsHostWritable(Spte spte) => (spte.Raw & HostWritableMask) != 0;

    /// <summary>An entry that points at a table.</summary>
    /// <remarks>KVM: make_nonleaf_spte().</remarks>
    public Spte MakeNonleaf(ulong childPfn, bool adDisabled) => new(
        PresenceMask | childPfn << 12 | PresentMask | Spte.WritableMask | UserMask | ExecMask
        | (adDisabled ? Spte.TdpAdDisabledMask : AccessedMask));

    /// <summary>An entry that makes the hardware exit as for a misconfiguration (EPT) or a reserved bit, and remembers gfn, access and generation.</summary>
    /// <remarks>KVM: make_mmio_spte().</remarks>
    public Spte MakeMmio(ulong gfn, PteAccess access, ulong memslotGeneration)
    {
        var gpa = gfn << 12;
        var raw = MmioGeneration.ToBits(memslotGeneration)
            | MmioValue | ((ulong)access & MmioAccessMask)
            | gpa | NonPresentOrReservedMask
            | (gpa & NonPresentOrReservedMask) << NonPresentOrReservedLength;
        return new Spte(raw);
    }

    /// <summary>The gfn that an MMIO entry remembers.</summary>
    /// <remarks>KVM: get_mmio_spte_gfn().</remarks>
    public ulong MmioGfn(Spte spte)
    {
        var low = Spte.BaseAddressMask & ~MmioValue & ~NonPresentOrReservedMask & ~(NonPresentOrReservedMask << NonPresentOrReservedLength);
        return (spte.Raw & low | spte.Raw >> NonPresentOrReservedLength & NonPresentOrReservedMask) >> 12;
    }

    /// <remarks>KVM: get_mmio_spte_access().</remarks>
    public PteAccess MmioAccess(Spte spte) => (PteAccess)(spte.Raw & MmioAccessMask & ~MmioValue);

    /// <summary>Takes the accessed state away: the A bit, or the RWX bits into their saved place.</summary>
    /// <remarks>KVM: mark_spte_for_access_track().</remarks>
    public Spte MarkForAccessTrack(Spte spte)
    {
        if (IsAdEnabled(spte))
            return spte.Without(AccessedMask);
        if (IsAccessTrack(spte))
            return spte;
        CheckWritableInvariants(spte);
        Invariant.Holds((spte.Raw & AccessTrackSavedBits << AccessTrackSavedShift) == 0, $"spte {spte}: the saved bits of access tracking are in use");
        return spte.With((spte.Raw & AccessTrackSavedBits) << AccessTrackSavedShift).Without(AccessTrackMask);
    }

    /// <remarks>KVM: restore_acc_track_spte().</remarks>
    public Spte RestoreAccessTrack(Spte spte)
    {
        var saved = spte.Raw >> AccessTrackSavedShift & AccessTrackSavedBits;
        return spte.Without(AccessTrackMask).Without(AccessTrackSavedBits << AccessTrackSavedShift).With(saved);
    }

    /// <summary>The read-only entry for a frame that the host put in place of another.</summary>
    /// <remarks>KVM: kvm_mmu_changed_pte_notifier_make_spte().</remarks>
    public Spte MakeForChangedPfn(Spte old, ulong newPfn)
    {
        var spte = new Spte((old.Raw & ~Spte.BaseAddressMask) | newPfn << 12)
            .Without(Spte.WritableMask | HostWritableMask | MmuWritableMask);
        return MarkForAccessTrack(spte);
    }

    /// <summary>The entry for one part of a huge page that is being split.</summary>
    /// <param name="huge">The huge entry.</param>
    /// <param name="childRole">Role of the table that takes its place.</param>
    /// <param name="index">Which part, 0 to 511.</param>
    /// <param name="nxHugePages">The NX huge page mitigation is on.</param>
    /// <remarks>KVM: make_huge_page_split_spte().</remarks>
    public Spte MakeHugePageSplit(Spte huge, PageRole childRole, int index, bool nxHugePages)
    {
        Invariant.Holds(huge.IsShadowPresent && huge.IsLarge, $"spte {huge} is no huge page to split");
        var child = huge.With((ulong)index << (12 + (9 * (childRole.Level - 1))));
        if (childRole.Level != 1)
            return child;
        child = child.Without(Spte.PageSizeMask);
        if ((childRole.Access & PteAccess.Exec) == 0 || !nxHugePages)
            return child;
        var tracked = IsAccessTrack(child);
        if (tracked)
            child = RestoreAccessTrack(child);
        child = child.Without(NxMask).With(ExecMask);
        return tracked ? MarkForAccessTrack(child) : child;
    }

    /// <summary>MMU-writable implies host-writable; writable implies MMU-writable.</summary>
    /// <remarks>KVM: check_spte_writable_invariants().</remarks>
    public void CheckWritableInvariants(Spte spte)
    {
        // Without a bit of its own, what the host made read-only may still be MMU-writable: then both bits are asked.
        if (IsMmuWritable(spte))
            Invariant.Holds(IsHostWritable(spte) || (PresenceMask != Spte.MmuPresentMask && !spte.IsWritable), $"spte {spte} is MMU-writable but not host-writable");
        else
            Invariant.Holds(!spte.IsWritable, $"spte {spte} is writable but not MMU-writable");
    }
}
