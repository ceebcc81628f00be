namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The table pages that exist only because an executable huge page is refused (the iTLB multihit mitigation), the oldest first.</summary>
/// <remarks>KVM: lpage_disallowed_mmu_pages, later possible_nx_huge_pages.</remarks>
public sealed class NxHugePages(KvmVm vm)
{
    private ShadowPage? _newest;

    /// <summary>The page that is recovered next.</summary>
    public ShadowPage? Oldest { get; private set; }

    /// <summary>A fault made the page, or took it up, as a table in place of what it would have mapped.</summary>
    /// <param name="page">The table.</param>
    /// <param name="fault">The fault.</param>
    /// <param name="level">Level of the entry that points at the table.</param>
    /// <remarks>KVM: account_huge_nx_page(); later account_nx_huge_page(), which marks also tables that a huge page would not be made of.</remarks>
    public void Account(ShadowPage page, PageFault fault, int level)
    {
        ArgumentNullException.ThrowIfNull(page);
        ArgumentNullException.ThrowIfNull(fault);
        if (!fault.HugePageDisallowed)
            return;
        var couldBeHuge = fault.ReqLevel >= level;
        page.NxHugePageDisallowed |= couldBeHuge || vm.Kernel.TagsNxSplits;
        if (couldBeHuge && !page.IsPossibleNxHugePage)
            Track(page);
    }

    private void Track(ShadowPage page)
    {
        vm.Stats.NxLpageSplits++;
        page.IsPossibleNxHugePage = true;
        page.NxPrevious = _newest;
        if (_newest is null)
            Oldest = page;
        else
            _newest.NxNext = page;
        _newest = page;
    }

    /// <summary>Does nothing to a page that is not accounted.</summary>
    /// <remarks>KVM: unaccount_huge_nx_page(), later unaccount_nx_huge_page().</remarks>
    public void Unaccount(ShadowPage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        page.NxHugePageDisallowed = false;
        if (!page.IsPossibleNxHugePage)
            return;
        vm.Stats.NxLpageSplits--;
        page.IsPossibleNxHugePage = false;
        if (page.NxPrevious is { } older)
            older.NxNext = page.NxNext;
        else
            Oldest = page.NxNext;
        if (page.NxNext is { } newer)
            newer.NxPrevious = page.NxPrevious;
        else
            _newest = page.NxPrevious;
        page.NxNext = null;
        page.NxPrevious = null;
    }
}
