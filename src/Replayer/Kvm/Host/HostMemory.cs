using System.Runtime.CompilerServices;

namespace Replay.Replayer.Kvm.Host;

/// <summary>
/// The host's side of guest memory: which frame is behind a host-virtual address, how large the host maps it, what faulting it in
/// does. Deterministic: a page's own frame is <see cref="FirstPfn"/> plus the number of its host-virtual page, whenever it comes in.
/// </summary>
/// <remarks>KVM: __gfn_to_pfn_memslot(), hva_to_pfn(), host_pfn_mapping_level(), on anonymous private memory.</remarks>
public sealed class HostMemory(HostBacking backing, KvmBehaviour? kernel = null)
{
    /// <summary>The frame behind host-virtual address 0 of the model.</summary>
    public const ulong FirstPfn = 0x10_0000;

    /// <summary>The shared page of zeros.</summary>
    public const ulong ZeroPagePfn = 0xf_ffff;

    /// <summary>First frame of the shared huge page of zeros.</summary>
    public const ulong HugeZeroPagePfn = 0xf_fa00;

    /// <summary>Frames that replace others (<see cref="Share"/>) count up from here.</summary>
    public const ulong FirstSharedPfn = 0x800_0000;

    private readonly Dictionary<ulong, HostRegion> _regions = [];
    private readonly bool _hasHugeZeroPage = kernel?.HostHasHugeZeroPage ?? true;
    private readonly bool _invalidatesAroundCopies = kernel?.HostInvalidatesAroundCopies ?? true;
    private ulong _lastNumber;
    private HostRegion? _lastRegion;
    private ulong _nextSharedPfn = FirstSharedPfn;

    /// <summary>What a trace showed of the host; null: the host is modelled.</summary>
    internal RecordedPages? Recorded { get; } = backing.Recorded ? new RecordedPages() : null;

    /// <summary>Told of every change of a mapping that KVM may have copied.</summary>
    public IMmuNotifier? Notifier { get; set; }

    /// <summary>The frame behind a gfn, brought in if need be. May run the notifier.</summary>
    /// <param name="slot">The gfn's memslot, null for none.</param>
    /// <param name="gfn">The page.</param>
    /// <param name="writeFault">The guest writes.</param>
    /// <remarks>KVM: __gfn_to_pfn_memslot(), with a place for "writable".</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostPfn GfnToPfn(Memslot? slot, ulong gfn, bool writeFault)
    {
        if (slot is null || slot.IsInvalid)
            return new HostPfn(HostPfnKind.NoSlot, 0, MapWritable: false);
        if (slot.ReadOnly && writeFault)
            return new HostPfn(HostPfnKind.ReadOnlyFault, 0, MapWritable: false);
        if (Recorded is not null && TryRecorded(slot, gfn, out var recorded, out var writable))
            return new HostPfn(HostPfnKind.Valid, recorded, (writable || writeFault) && !slot.ReadOnly);
        var page = slot.GfnToHva(gfn) >> 12;
        var region = Region(page);
        var index = IndexOf(page);
        var isHostWritable = IsWritable(region, index);
        if (!isHostWritable)
        {
            if (writeFault && region.IsProtected(index))
                return new HostPfn(HostPfnKind.Fault, 0, MapWritable: false);
            isHostWritable = FaultIn(region, page, writeFault);
        }

        return new HostPfn(HostPfnKind.Valid, Frame(region, page), isHostWritable && !slot.ReadOnly);
    }

    /// <summary>The frames behind consecutive gfns, as far as they can be had without faulting: present and writable.</summary>
    /// <param name="slot">The slot of all of them.</param>
    /// <param name="gfn">The first.</param>
    /// <param name="pfns">Receives the frames.</param>
    /// <returns>How many were had, or -1 where the slot has no writable memory.</returns>
    /// <remarks>KVM: gfn_to_page_many_atomic().</remarks>
    public int GfnToPagesAtomic(Memslot? slot, ulong gfn, Span<ulong> pfns)
    {
        if (slot is null || slot.IsInvalid || slot.ReadOnly)
            return -1;
        if (slot.EndGfn - gfn < (ulong)pfns.Length)
            return 0;
        if (Recorded is { } known)
        {
            var count = 0;
            while (count < pfns.Length && known.IsAnswered(gfn + (ulong)count) && known.TryGet(gfn + (ulong)count, out pfns[count], out var isWritable) && isWritable)
                count++;
            return count;
        }

        var firstPage = slot.GfnToHva(gfn) >> 12;
        for (var i = 0; i < pfns.Length; i++)
        {
            var page = firstPage + (ulong)i;
            var region = Region(page);
            if (!IsWritable(region, IndexOf(page)))
                return i;
            pfns[i] = Frame(region, page);
        }

        return pfns.Length;
    }

    /// <summary>The frame that the host has at a gfn now, without bringing one in.</summary>
    public bool TryGetFrame(Memslot slot, ulong gfn, out ulong pfn)
    {
        ArgumentNullException.ThrowIfNull(slot);
        if (Recorded is { } known && known.TryGet(gfn, out pfn, out _))
            return true;
        var page = slot.GfnToHva(gfn) >> 12;
        var region = Region(page);
        var isThere = region.State(IndexOf(page)) != HostPteState.None;
        pfn = isThere ? Frame(region, page) : 0;
        return isThere;
    }

    /// <summary>The level at which the host maps the page: 1, or 2 for a transparent huge page.</summary>
    /// <remarks>KVM: host_pfn_mapping_level().</remarks>
    public int MappingLevel(Memslot slot, ulong gfn) => Recorded is { } known ? known.Level(gfn) : Region(slot.GfnToHva(gfn) >> 12).IsHuge ? 2 : 1;

    /// <summary>Userspace wrote the range before it let the guest see it (it loaded a program): its pages are in.</summary>
    /// <param name="hva">First byte.</param>
    /// <param name="length">Bytes.</param>
    public void Populate(ulong hva, ulong length)
    {
        for (var page = hva >> 12; page << 12 < hva + length; page++)
        {
            var region = Region(page);
            if (!IsWritable(region, IndexOf(page)))
                FaultIn(region, page, write: true);
        }
    }

    /// <summary>mprotect: takes or gives write permission. The caller runs the notifier; a huge page in the way is split through it.</summary>
    /// <param name="hva">First byte, page aligned.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="writable">PROT_READ and PROT_WRITE, against PROT_READ alone.</param>
    /// <remarks>
    /// Linux 6.1 gives private small entries their write permission back at once (MM_CP_TRY_CHANGE_WRITABLE), huge ones at the next
    /// write.
    /// </remarks>
    public void Protect(ulong hva, ulong length, bool writable)
    {
        var first = hva >> 12;
        var end = hva + length >> 12;
        for (var page = first; page < end; page++)
        {
            var region = Region(page);
            if (region.IsHuge)
            {
                var regionStart = page - (ulong)IndexOf(page);
                if (regionStart >= first && regionStart + HostRegion.PageCount <= end)
                    region.HugeEntryIsReadOnly = true;
                else
                    Split(region, page);
            }

            region.SetProtected(IndexOf(page), !writable);
        }
    }

    /// <summary>
    /// The host maps another, shared frame read-only at the page (KSM). The caller runs the notifier; a huge page in the way is split
    /// through it.
    /// </summary>
    /// <returns>The new frame.</returns>
    public ulong Share(ulong hva)
    {
        var region = Region(hva >> 12);
        if (region.IsHuge)
            Split(region, hva >> 12);
        var pfn = _nextSharedPfn++;
        region.SetShared(IndexOf(hva >> 12), pfn);
        return pfn;
    }

    /// <summary>As the trace showed it: first what the host invalidated on the way, then the frame.</summary>
    private bool TryRecorded(Memslot slot, ulong gfn, out ulong pfn, out bool writable)
    {
        while (Recorded!.TryPending(out var gpa, out var length))
        {
            Recorded.Forget(gpa >> 12, gpa + length + 0xfff >> 12);
            var hva = slot.GfnToHva(gpa >> 12);
            Notifier?.InvalidateRangeStart(hva, hva + length);
            Notifier?.InvalidateRangeEnd(hva, hva + length);
        }

        Recorded.Settle();
        return Recorded.TryGet(gfn, out pfn, out writable);
    }

    /// <summary>khugepaged: private pages, or none, give way to a huge page of the same frames.</summary>
    /// <returns>False: it is one already, or a page is protected or shared.</returns>
    /// <remarks>Linux: collapse_huge_page().</remarks>
    public bool Collapse(ulong hva)
    {
        var page = hva >> 12;
        var region = Region(page);
        if (region.IsHuge || !region.CanCollapse())
            return false;
        var start = page - (ulong)IndexOf(page) << 12;
        Notifier?.InvalidateRangeStart(start, start + (HostRegion.PageCount << 12));
        region.FillHuge(HostPteState.Private);
        Notifier?.InvalidateRangeEnd(start, start + (HostRegion.PageCount << 12));
        return true;
    }

    /// <summary>The huge page at the address is split.</summary>
    /// <returns>False: there is none.</returns>
    public bool Split(ulong hva)
    {
        var region = Region(hva >> 12);
        if (!region.IsHuge)
            return false;
        Split(region, hva >> 12);
        return true;
    }

    private static int IndexOf(ulong page) => (int)(page % HostRegion.PageCount);

    private static bool IsWritable(HostRegion region, int index) =>
        region.State(index) == HostPteState.Private && !region.IsProtected(index) && !region.HugeEntryIsReadOnly;

    /// <summary>The host handles a fault at the page; says whether its entry is writable afterwards.</summary>
    private bool FaultIn(HostRegion region, ulong page, bool write)
    {
        var index = IndexOf(page);
        switch (region.State(index))
        {
            case HostPteState.None:
                BringIn(region, index, write ? HostPteState.Private : HostPteState.ZeroPage);
                break;
            case HostPteState.Private when write:
                region.HugeEntryIsReadOnly = false;
                break;
            case HostPteState.ZeroPage or HostPteState.Shared when write:
                CopyOnWrite(region, page);
                break;
            default:
                break;
        }

        return IsWritable(region, index);
    }

    /// <summary>A whole huge page where the backing has them and nothing is in the region yet.</summary>
    private void BringIn(HostRegion region, int index, HostPteState state)
    {
        if (backing.HugePages && region.IsEmpty())
            region.FillHuge(_hasHugeZeroPage ? state : HostPteState.Private);
        else
            region.SetState(index, state);
    }

    /// <remarks>Linux: do_huge_pmd_wp_page() splits a huge zero page; wp_page_copy() copies one page between two notifier calls.</remarks>
    private void CopyOnWrite(HostRegion region, ulong page)
    {
        var hva = page << 12;
        if (region.IsHuge)
            Split(region, page);
        if (_invalidatesAroundCopies)
            Notifier?.InvalidateRangeStart(hva, hva + 4096);
        region.SetState(IndexOf(page), HostPteState.Private);
        Notifier?.ChangePte(hva, Frame(region, page), writable: true);
        if (_invalidatesAroundCopies)
            Notifier?.InvalidateRangeEnd(hva, hva + 4096);
    }

    /// <summary>A huge entry gives way to small ones.</summary>
    /// <remarks>Linux: __split_huge_pmd().</remarks>
    private void Split(HostRegion region, ulong page)
    {
        var start = page - (ulong)IndexOf(page) << 12;
        var end = start + (HostRegion.PageCount << 12);
        Notifier?.InvalidateRangeStart(start, end);
        region.Split();
        Notifier?.InvalidateRangeEnd(start, end);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Frame(HostRegion region, ulong page)
    {
        var index = IndexOf(page);
        return region.State(index) switch
        {
            HostPteState.ZeroPage => region.IsHuge ? HugeZeroPagePfn + (ulong)index : ZeroPagePfn,
            HostPteState.Shared => region.SharedFrame(index),
            _ => FirstPfn + page,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private HostRegion Region(ulong page)
    {
        var number = page / HostRegion.PageCount;
        if (_lastRegion is { } last && _lastNumber == number)
            return last;
        if (!_regions.TryGetValue(number, out var region))
        {
            region = new HostRegion(backing.Populated ? HostPteState.Private : HostPteState.None, backing.HugePages);
            _regions.Add(number, region);
        }

        _lastNumber = number;
        return _lastRegion = region;
    }
}
