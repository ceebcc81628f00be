using Replay.Trace;

namespace Replay.Recorder.Ftrace.Reconstruction;

/// <summary>
/// What the tables held when a trace begins, or goes on behind lost events: an entry whose first line has an old value was there, and so
/// was a table page whose first line takes it away. No line of a part tells more of what is older.
/// </summary>
internal sealed class EarlierTables
{
    private readonly HashSet<(int Level, ulong Gfn)> _entries = [];
    private readonly HashSet<(int Level, ulong Gfn)> _made = [];
    private Fact? _firstRead;
    private readonly HashSet<(int Level, ulong Gfn)> _found = [];
    private readonly List<(bool IsOldestFirst, List<EarlierTable> Tables)> _gone = [];

    /// <summary>The last thing before this part: -1, or the ordinal at which events were lost.</summary>
    public required long Ordinal { get; init; }

    public List<EarlierPage> Pages { get; } = [];

    /// <summary>In the order in which they were made, as far as the order in which they went tells it.</summary>
    public IEnumerable<EarlierTable> Tables => _gone.SelectMany(gone => gone.IsOldestFirst ? gone.Tables : gone.Tables.AsEnumerable().Reverse());

    public bool IsEmpty => Pages.Count == 0 && _gone.Count == 0;

    /// <summary>The dirty log is read.</summary>
    public void OnRead(Fact reading) => _firstRead ??= reading;

    /// <summary>The dirty log was read before, and it was not this reading: an entry that no line has shown was clean then, or it would have been cleaned.</summary>
    public bool WasRead(Fact? reading) => _firstRead is not null && !ReferenceEquals(_firstRead, reading);

    /// <summary>A line shows an entry change.</summary>
    /// <param name="level">Its level.</param>
    /// <param name="gfn">The first frame that it translates.</param>
    /// <param name="page">What it mapped before: a page; null where it did not.</param>
    /// <param name="wasDirty">The page could be written unseen.</param>
    /// <param name="wasTable">It pointed at a table before.</param>
    /// <param name="isTable">It points at a table now.</param>
    public void OnEntry(int level, ulong gfn, HostPage? page, bool wasDirty, bool wasTable, bool isTable)
    {
        // What a table that was made in this part holds was put there before it was linked.
        if (_entries.Add((level, gfn)) && !_made.Contains((level, First(gfn, level))))
        {
            if (page is { } mapped)
                Pages.Add(new EarlierPage(level, mapped, wasDirty));
            else if (wasTable)
                Found(level - 1, gfn, isOldestFirst: false);
        }

        if (isTable)
            _made.Add((level - 1, gfn));
    }

    /// <summary>A fault tells of an MMIO entry, which no line has set.</summary>
    public void OnMmio(ulong gfn) => OnEntry(1, gfn, new HostPage(gfn, 0, false), wasDirty: false, wasTable: false, isTable: false);

    /// <summary>A small page's entry has an old value in a line that sets nothing anew. One of a large page that was split is not older.</summary>
    public void OnMet(HostPage page, bool wasDirty)
    {
        if (_entries.Contains((2, First(page.Gfn, 1))))
            _entries.Add((1, page.Gfn));
        else
            OnEntry(1, page.Gfn, page, wasDirty, wasTable: false, isTable: false);
    }

    /// <summary>An entry is set.</summary>
    public void OnSet(int level, ulong gfn) => _entries.Add((level, gfn));

    /// <summary>A table page is made.</summary>
    public void OnMade(int level, ulong gfn) => _made.Add((level, gfn));

    /// <summary>A table page goes.</summary>
    /// <param name="level">Of its entries.</param>
    /// <param name="gfn">The first frame that it translates.</param>
    /// <param name="isOldestFirst">Obsolete pages go in the order in which they were made (kvm_zap_obsolete_pages), others the other way about.</param>
    public void OnGone(int level, ulong gfn, bool isOldestFirst)
    {
        if (!_made.Remove((level, gfn)))
            Found(level, gfn, isOldestFirst);
    }

    private void Found(int level, ulong gfn, bool isOldestFirst)
    {
        if (!_found.Add((level, gfn)))
            return;
        if (_gone.Count == 0 || _gone[^1].IsOldestFirst != isOldestFirst)
            _gone.Add((isOldestFirst, []));
        _gone[^1].Tables.Add(new EarlierTable(level, gfn));
    }

    /// <summary>The first frame of the table that has the entry.</summary>
    private static ulong First(ulong gfn, int level) => gfn >> (9 * level) << (9 * level);
}
