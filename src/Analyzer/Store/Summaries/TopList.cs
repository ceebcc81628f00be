namespace Replay.Analyzer.Store.Summaries;

/// <summary>Keeps the items with the largest counts. Of equal counts the smaller key is kept, so that the list depends on nothing else.</summary>
internal sealed class TopList<T>
{
    /// <summary>Rows of each list of hot things.</summary>
    public const int Capacity = 1000;

    private readonly PriorityQueue<(ulong Key, long Count, T Item), (long Count, ulong Rank)> _items = new();

    /// <summary>What an item must have at least to be kept.</summary>
    private long Threshold => _items.Count < Capacity ? 1 : _items.TryPeek(out var least, out _) ? least.Count : 1;

    /// <summary>False: so many are sure not to be kept, and need no <see cref="Add"/>.</summary>
    public bool MayKeep(long count) => count >= Threshold;

    public void Add(ulong key, long count, T item)
    {
        if (!MayKeep(count))
            return;
        _items.Enqueue((key, count, item), (count, ~key));
        if (_items.Count > Capacity)
            _items.Dequeue();
    }

    /// <summary>The items in the order of their keys.</summary>
    public IEnumerable<(ulong Key, T Item)> Items() =>
        _items.UnorderedItems.Select(item => (item.Element.Key, item.Element.Item)).OrderBy(item => item.Key);
}
