namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>
/// A pre-order walk over the entries of a tree of the TDP MMU: an entry comes before the entries of the table it points at.
/// </summary>
/// <remarks>KVM: struct tdp_iter, tdp_iter_start(), tdp_iter_next().</remarks>
internal struct TdpIterator
{
    private readonly TablePages _pages;
    private readonly int _rootLevel;
    private readonly int _minLevel;
    private ulong _nextLastLevelGfn;
    private bool _valid;

    /// <param name="pages">Finds the tables that entries point at.</param>
    /// <param name="root">Top of the tree.</param>
    /// <param name="minLevel">The walk goes down to tables of this level.</param>
    /// <param name="start">The first gfn of interest.</param>
    public TdpIterator(TablePages pages, ShadowPage root, int minLevel, ulong start)
    {
        _pages = pages;
        _rootLevel = root.Role.Level;
        _minLevel = minLevel;
        _nextLastLevelGfn = start;
        _valid = true;
        Page = root;
        Level = _rootLevel;
        Gfn = PageLevels.RoundDown(start, Level);
        Refresh();
    }

    /// <summary>The table of the current entry.</summary>
    public ShadowPage Page { get; private set; }

    /// <summary>The entry's place in the table.</summary>
    public int Index { get; private set; }

    /// <summary>First gfn that the current entry translates.</summary>
    public ulong Gfn { get; private set; }

    /// <summary>Level of the current entry.</summary>
    public int Level { get; private set; }

    /// <summary>The entry as the walk found it.</summary>
    public Spte Old { get; private set; }

    public readonly Sptep Entry => new(Page, Index);

    /// <summary>The current entry maps memory.</summary>
    public readonly bool IsAtLeaf => Old.IsShadowPresent && Old.IsLast(Level);

    /// <summary>The walk has an entry that starts before <paramref name="endGfn"/>.</summary>
    public readonly bool IsBefore(ulong endGfn) => _valid && Gfn < endGfn;

    public void Next()
    {
        if (TryStepDown())
            return;
        do
        {
            if (TryStepSide())
                return;
        }
        while (TryStepUp());
        _valid = false;
    }

    /// <summary>Reads the current entry again.</summary>
    public void Reread() => Old = Page[Index];

    private bool TryStepDown()
    {
        if (Level == _minLevel)
            return false;
        Reread();
        if (!Old.IsShadowPresent || Old.IsLast(Level))
            return false;
        Page = _pages.ChildOf(Old);
        Level--;
        Gfn = PageLevels.RoundDown(_nextLastLevelGfn, Level);
        Refresh();
        return true;
    }

    private bool TryStepSide()
    {
        if (Index == TablePage.EntryCount - 1)
            return false;
        Gfn += PageLevels.PagesPerHugePage(Level);
        _nextLastLevelGfn = Gfn;
        Index++;
        Reread();
        return true;
    }

    private bool TryStepUp()
    {
        if (Level == _rootLevel)
            return false;
        Page = Page.ParentEntry!.Value.Page;
        Level++;
        Gfn = PageLevels.RoundDown(Gfn, Level);
        Refresh();
        return true;
    }

    private void Refresh()
    {
        Index = PageLevels.EntryIndex(Gfn, Level);
        Reread();
    }
}
