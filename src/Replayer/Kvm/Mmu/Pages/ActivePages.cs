namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Shadow pages in use, the newest first: the order in which they are recycled is from the other end.</summary>
/// <remarks>KVM: active_mmu_pages.</remarks>
internal sealed class ActivePages
{
    /// <summary>Pages that count against the limit: also roots that were zapped, which are in the list no more.</summary>
    /// <remarks>KVM: n_used_mmu_pages.</remarks>
    public long UsedCount { get; set; }

    public ShadowPage? Newest { get; private set; }

    public ShadowPage? Oldest { get; private set; }

    public void Add(ShadowPage page)
    {
        page.LinkNext = Newest;
        page.LinkPrevious = null;
        if (Newest is null)
            Oldest = page;
        else
            Newest.LinkPrevious = page;
        Newest = page;
    }

    public void Remove(ShadowPage page)
    {
        if (page.LinkPrevious is { } newer)
            newer.LinkNext = page.LinkNext;
        else
            Newest = page.LinkNext;
        if (page.LinkNext is { } older)
            older.LinkPrevious = page.LinkPrevious;
        else
            Oldest = page.LinkPrevious;
        page.LinkNext = null;
        page.LinkPrevious = null;
    }
}
