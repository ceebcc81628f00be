namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Pages that are zapped and wait to be freed; linked through the pages themselves.</summary>
/// <remarks>KVM: the invalid_list of mmu.c.</remarks>
internal struct ZapList
{
    private ShadowPage? _first;

    public readonly bool IsEmpty => _first is null;

    /// <remarks>KVM: list_add(): the last one zapped is the first one freed.</remarks>
    public void Add(ShadowPage page)
    {
        page.LinkNext = _first;
        page.LinkPrevious = null;
        _first = page;
    }

    public ShadowPage? TakeFirst()
    {
        var page = _first;
        if (page is not null)
        {
            _first = page.LinkNext;
            page.LinkNext = null;
        }

        return page;
    }
}
