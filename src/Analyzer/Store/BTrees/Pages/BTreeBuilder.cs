namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Builds an index b-tree from cells in order of their keys: every page is written once, full, from left to right, and only one page of each
/// level is in memory. A key that separates two pages stands in the level above and nowhere else.
/// </summary>
/// <param name="pages">Where the tree goes.</param>
/// <param name="root">The page where SQLite has the empty tree.</param>
internal sealed class BTreeBuilder(DatabasePages pages, uint root)
{
    private readonly List<BTreePage> _levels = [new BTreePage(isLeaf: true)];

    public void Append(ReadOnlySpan<byte> cell)
    {
        if (!_levels[0].TryAdd(0, cell))
            AppendToFull(0, 0, cell);
    }

    /// <summary>Writes what is still in memory.</summary>
    public void Finish()
    {
        var child = 0u;
        for (var level = 0; ; level++)
        {
            if (_levels[level].IsHolding)
                SplitForHeld(level);
            var page = _levels[level].Close(child);
            if (level == _levels.Count - 1)
            {
                pages.PutRoot(root, page);
                return;
            }

            child = pages.Append(page);
        }
    }

    private void Append(int level, uint child, ReadOnlySpan<byte> cell)
    {
        if (level == _levels.Count)
            _levels.Add(new BTreePage(isLeaf: false));
        if (!_levels[level].TryAdd(child, cell))
            AppendToFull(level, child, cell);
    }

    private void AppendToFull(int level, uint child, ReadOnlySpan<byte> cell)
    {
        var page = _levels[level];
        if (!page.IsHolding)
        {
            page.Hold(child, cell);
            return;
        }

        var number = pages.Append(page.Close(page.HeldChild));
        Append(level + 1, number, page.Held);
        page.Clear();
        page.TryAdd(child, cell);
    }

    /// <summary>Nothing comes behind the held cell, so it cannot separate: the one before it does.</summary>
    private void SplitForHeld(int level)
    {
        Span<byte> room = stackalloc byte[RecordCell.Room];
        var page = _levels[level];
        var length = page.TakeLast(out var last, room);
        var number = pages.Append(page.Close(last));
        Append(level + 1, number, room[..length]);
        Span<byte> held = stackalloc byte[RecordCell.Room];
        page.Held.CopyTo(held);
        held = held[..page.Held.Length];
        page.Clear();
        page.TryAdd(page.HeldChild, held);
    }
}
