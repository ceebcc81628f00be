namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The table pages that exist only because an executable huge page is refused (the iTLB multihit mitigation), the oldest first.</summary>
/// <remarks>KVM: lpage_disallowed_mmu_pages.</remarks>
public sealed class NxHugePages(KvmVm vm)
{
    private ShadowPage? _newest;

    /// <summary>The page that is recovered next.</summary>
    public ShadowPage? Oldest { get; private set; }

    /// <remarks>KVM: account_huge_nx_page().</remarks>
    public void Account(ShadowPage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        if (page.LpageDisallowed)
            return;
        vm.Stats.NxLpageSplits++;
        page.LpageDisallowed = true;
        page.DisallowedPrevious = _newest;
        if (_newest is null)
            Oldest = page;
        else
            _newest.DisallowedNext = page;
        _newest = page;
    }

    /// <summary>Does nothing to a page that is not accounted.</summary>
    /// <remarks>KVM: unaccount_huge_nx_page().</remarks>
    public void Unaccount(ShadowPage page)
    {
        ArgumentNullException.ThrowIfNull(page);
        if (!page.LpageDisallowed)
            return;
        vm.Stats.NxLpageSplits--;
        page.LpageDisallowed = false;
        if (page.DisallowedPrevious is { } older)
            older.DisallowedNext = page.DisallowedNext;
        else
            Oldest = page.DisallowedNext;
        if (page.DisallowedNext is { } newer)
            newer.DisallowedPrevious = page.DisallowedPrevious;
        else
            _newest = page.DisallowedPrevious;
        page.DisallowedNext = null;
        page.DisallowedPrevious = null;
    }
}
