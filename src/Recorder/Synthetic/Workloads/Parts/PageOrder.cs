namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>The order in which a program goes through its pages.</summary>
internal static class PageOrder
{
    /// <summary>Every page once, ascending or shuffled.</summary>
    public static IEnumerable<ulong> Of(long pages, bool isRandom, SeededRandom random)
    {
        if (!isRandom)
            return Ascending(pages);
        var order = new ulong[pages];
        for (var i = 0; i < order.Length; i++)
        {
            var j = random.Below(i + 1);
            order[i] = order[j];
            order[j] = (ulong)i;
        }
        return order;
    }

    private static IEnumerable<ulong> Ascending(long pages)
    {
        for (var page = 0UL; page < (ulong)pages; page++)
            yield return page;
    }
}
