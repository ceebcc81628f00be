namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Finds the unsync pages below a page, 16 places at a time, and the path of parents to each, so that their bits can be cleared.
/// </summary>
/// <remarks>KVM: struct kvm_mmu_pages, struct mmu_page_path, mmu_unsync_walk(), mmu_pages_first(), mmu_pages_next().</remarks>
internal sealed class UnsyncWalk(TablePages tables)
{
    /// <summary>KVM_PAGE_ARRAY_NR.</summary>
    private const int Capacity = 16;
    private const int Full = -1;

    private readonly ShadowPage[] _pages = new ShadowPage[Capacity];
    private readonly int[] _indexes = new int[Capacity];
    private readonly ShadowPage?[] _parents = new ShadowPage?[PgLevel.Root5];
    private readonly int[] _parentIndexes = new int[PgLevel.Root5];
    private int _count;
    private int _at;

    /// <summary>The page reached.</summary>
    public ShadowPage Page => _pages[_at];

    /// <summary>Collects unsync pages below the page, as many as there is room for.</summary>
    /// <returns>There are any.</returns>
    /// <remarks>KVM: mmu_unsync_walk().</remarks>
    public bool Collect(ShadowPage top)
    {
        _count = 0;
        if (top.UnsyncChildren == 0)
            return false;
        Add(top, -1);
        return CollectBelow(top) != 0;
    }

    /// <summary>Goes to the first unsync page collected.</summary>
    /// <remarks>KVM: mmu_pages_first().</remarks>
    public bool First()
    {
        if (_count == 0)
            return false;
        var level = _pages[0].Role.Level;
        Invariant.Holds(level > PgLevel.Size4K, $"page {_pages[0].Id} of level 1 has no children");
        _parents[level - 2] = _pages[0];
        _parents[level - 1] = null;
        _at = 0;
        return Next();
    }

    /// <summary>Goes to the next unsync page, noting the parents on the way.</summary>
    /// <remarks>KVM: mmu_pages_next().</remarks>
    public bool Next()
    {
        for (_at++; _at < _count; _at++)
        {
            var page = _pages[_at];
            var level = page.Role.Level;
            _parentIndexes[level - 1] = _indexes[_at];
            if (level == PgLevel.Size4K)
                return true;
            _parents[level - 2] = page;
        }

        return false;
    }

    /// <summary>The page reached is no longer unsync: clears its bit in its parent, and so on up while a parent has no other.</summary>
    /// <remarks>KVM: mmu_pages_clear_parents().</remarks>
    public void ClearParents()
    {
        for (var level = 0; _parents[level] is { } parent; level++)
        {
            parent.ClearUnsyncChild(_parentIndexes[level]);
            if (parent.UnsyncChildren > 0)
                return;
        }
    }

    /// <returns>How many unsync pages were found, or <see cref="Full"/>.</returns>
    /// <remarks>KVM: __mmu_unsync_walk().</remarks>
    private int CollectBelow(ShadowPage page)
    {
        var found = 0;
        for (var index = NextBit(page, 0); index >= 0; index = NextBit(page, index + 1))
        {
            var entry = page[index];
            if (!entry.IsShadowPresent || entry.IsLarge)
            {
                page.ClearUnsyncChild(index);
                continue;
            }

            var child = tables.ChildOf(entry);
            var below = CollectChild(child, index);
            if (below == Full)
                return Full;
            if (below == 0)
                page.ClearUnsyncChild(index);
            found += below;
        }

        return found;
    }

    private int CollectChild(ShadowPage child, int index)
    {
        if (child.UnsyncChildren > 0)
            return Add(child, index) ? Full : CollectBelow(child);
        if (!child.Unsync)
            return 0;
        return Add(child, index) ? Full : 1;
    }

    /// <returns>There is no more room.</returns>
    /// <remarks>KVM: mmu_pages_add().</remarks>
    private bool Add(ShadowPage page, int index)
    {
        if (page.Unsync && Array.IndexOf(_pages, page, 0, _count) >= 0)
            return false;
        _pages[_count] = page;
        _indexes[_count] = index;
        return ++_count == Capacity;
    }

    private static int NextBit(ShadowPage page, int from)
    {
        if (page.UnsyncChildBitmap is not { } bitmap)
            return -1;
        for (var word = from >> 6; word < bitmap.Length; word++)
        {
            var bits = bitmap[word];
            if (word == from >> 6)
                bits &= ulong.MaxValue << (from & 63);
            if (bits != 0)
                return (word << 6) + System.Numerics.BitOperations.TrailingZeroCount(bits);
        }

        return -1;
    }
}
