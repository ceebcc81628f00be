namespace Replay.Replayer.Guest;

/// <summary>One format of page-table entries, given to the walk as a type argument.</summary>
internal interface IPteFormat
{
    /// <summary>Bytes of an entry.</summary>
    static abstract int EntrySize { get; }

    /// <summary>Address bits that one level translates.</summary>
    static abstract int IndexBits { get; }

    /// <summary>The entry maps a page, rather than pointing at the next table.</summary>
    static abstract bool IsLeaf(ulong entry, int level, in PagingRules rules);

    /// <summary>Bits that must be clear in a present entry.</summary>
    static abstract ulong Reserved(int level, bool leaf, in PagingRules rules);

    /// <summary>Physical address of the page that a leaf maps.</summary>
    static abstract ulong PageBase(ulong entry, int level);
}
