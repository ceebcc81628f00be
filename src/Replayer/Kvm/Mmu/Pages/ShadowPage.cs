using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>A table page with what KVM knows about it, of the shadow MMU code as well as of the TDP MMU.</summary>
/// <remarks>KVM: struct kvm_mmu_page.</remarks>
public sealed class ShadowPage : TablePage
{
    private readonly ulong[]? _shadowedTranslation;
    private readonly bool _hasGeneration;

    internal ShadowPage(int id, int frame, ulong pfn, ulong gfn, PageRole role, byte validGeneration, bool isTdp, KvmBehaviour kernel)
        : base(id, pfn, role.Level, kernel.EmptySpte, kernel.PresentMask)
    {
        Frame = frame;
        Gfn = gfn;
        Role = role;
        ValidGeneration = validGeneration;
        IsTdp = isTdp;
        _hasGeneration = kernel.ZapsByGeneration;
        if (!role.Direct && role.Level <= kernel.ShadowedTranslationMaxLevel)
            _shadowedTranslation = new ulong[EntryCount];
    }

    /// <summary>Direct: first gfn the page translates. Indirect: the gfn of the guest table it shadows.</summary>
    public ulong Gfn { get; }

    public PageRole Role { get; internal set; }

    /// <summary>mmu_valid_gen: 0 or 1.</summary>
    public byte ValidGeneration { get; }

    /// <summary>tdp_mmu_page: belongs to the TDP MMU.</summary>
    public bool IsTdp { get; }

    /// <summary>The guest may write the shadowed table without KVM noticing.</summary>
    public bool Unsync { get; internal set; }

    /// <summary>Entries below which an unsync page lies.</summary>
    public int UnsyncChildren { get; internal set; }

    /// <summary>Serving as a root of so many vCPUs; the TDP MMU counts references here.</summary>
    public int RootCount { get; internal set; }

    /// <summary>Trapped writes since the last walk that came by.</summary>
    public int WriteFloodingCount { get; internal set; }

    /// <summary>Exists only because a huge page must not be executable.</summary>
    /// <remarks>KVM: lpage_disallowed, later nx_huge_page_disallowed.</remarks>
    public bool NxHugePageDisallowed { get; internal set; }

    /// <summary>Is on the list of those that may be worth a huge page again.</summary>
    internal bool IsPossibleNxHugePage { get; set; }

    /// <summary>tdp_mmu_scheduled_root_to_zap.</summary>
    public bool ScheduledRootToZap { get; internal set; }

    /// <summary>The one entry that points here, for pages of the TDP MMU.</summary>
    /// <remarks>KVM: ptep.</remarks>
    public Sptep? ParentEntry { get; internal set; }

    /// <summary>The guest has entries of its own behind this page.</summary>
    /// <remarks>KVM: sp_has_gptes().</remarks>
    public bool HasGptes => !Role.Direct && !Role.Passthrough;

    /// <summary>The page has held entries of these memslots: in kernels that protect slots page by page.</summary>
    /// <remarks>KVM: slot_bitmap.</remarks>
    private int[] _slots = [];

    internal bool HoldsSlot(int id) => Array.IndexOf(_slots, id) >= 0;

    /// <remarks>KVM: page_header_update_slot().</remarks>
    internal void MarkSlot(int id)
    {
        if (!HoldsSlot(id))
            _slots = [.. _slots, id];
    }

    /// <summary>Head of the list of entries that point here (<see cref="PteLists"/>).</summary>
    internal int ParentPtes;

    /// <summary>Number of the page's host frame in the pool, from 1.</summary>
    internal int Frame { get; }

    internal ulong[]? UnsyncChildBitmap { get; private set; }

    internal ShadowPage? LinkNext { get; set; }

    internal ShadowPage? LinkPrevious { get; set; }

    internal ShadowPage? HashNext { get; set; }

    internal ShadowPage? HashPrevious { get; set; }

    internal ShadowPage? NxNext { get; set; }

    internal ShadowPage? NxPrevious { get; set; }

    /// <summary>First gfn that the entry translates.</summary>
    /// <remarks>KVM: kvm_mmu_page_get_gfn().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong GfnAt(int index)
    {
        if (Role.Passthrough)
            return Gfn;
        return _shadowedTranslation is null
            ? Gfn + ((ulong)index << PageLevels.GfnShift(Role.Level))
            : _shadowedTranslation[index] >> 12;
    }

    /// <summary>The rights that the guest gives at the entry, before KVM takes any away.</summary>
    /// <remarks>KVM: kvm_mmu_page_get_access().</remarks>
    public PteAccess AccessAt(int index) =>
        TranslationsOfGuest is { } translations ? (PteAccess)(translations[index] & (ulong)PteAccess.All) : Role.Access;

    /// <summary>The page remembers what its entries shadow.</summary>
    public bool HasShadowedTranslation => _shadowedTranslation is not null;

    /// <summary>Passthrough pages have room for translations in older kernels, and no use for it.</summary>
    private ulong[]? TranslationsOfGuest => Role.Passthrough ? null : _shadowedTranslation;

    /// <summary>What the entry shadows, as the dumps of a real kernel print it: gfn &lt;&lt; 12 | access; 0 where nothing was set.</summary>
    public ulong ShadowedTranslationAt(int index) => _shadowedTranslation?[index] ?? 0;

    /// <remarks>KVM: kvm_mmu_page_set_translation().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void SetTranslation(int index, ulong gfn, PteAccess access)
    {
        if (TranslationsOfGuest is { } translations)
        {
            translations[index] = gfn << 12 | (ulong)access;
            return;
        }

        if (gfn != GfnAt(index) || access != Role.Access)
            Invariant.Broken($"page {Id} ({Role}) maps gfn {gfn:x} access {access} at {index}, where it must map {GfnAt(index):x} access {Role.Access}");
    }

    internal bool TestAndSetUnsyncChild(int index)
    {
        UnsyncChildBitmap ??= new ulong[EntryCount / 64];
        ref var word = ref UnsyncChildBitmap[index >> 6];
        var bit = 1UL << (index & 63);
        var was = (word & bit) != 0;
        word |= bit;
        return was;
    }

    /// <remarks>KVM: clear_unsync_child_bit().</remarks>
    internal void ClearUnsyncChild(int index)
    {
        UnsyncChildren--;
        Invariant.Holds(UnsyncChildren >= 0, $"page {Id} counts fewer than 0 unsync children");
        UnsyncChildBitmap![index >> 6] &= ~(1UL << (index & 63));
    }

    /// <summary>The page as a record of the history; the journal adds place and chain.</summary>
    internal TablePageRecord Describe(PageOperation operation) => new()
    {
        Gfn = Gfn,
        Pfn = Pfn,
        TableId = Id,
        Role = Role.Word,
        RootCount = RootCount,
        Operation = operation,
        Level = (byte)Level,
        Generation = _hasGeneration ? ValidGeneration : TablePageRecord.NoGeneration,
        IsTdp = IsTdp ? (byte)1 : (byte)0,
        Unsync = Unsync ? (byte)1 : (byte)0,
        Context = Context,
    };
}
