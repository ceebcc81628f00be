namespace Replay.Explorer.Data;

/// <summary>What every entry of a run's tables maps, as it was after an event.</summary>
internal sealed class MemoryImage
{
    public const int Entries = 512;

    private readonly Dictionary<long, Table> _tables;
    private long _lastTable = -1;
    private Table? _last;

    public MemoryImage()
        : this([], -1)
    {
    }

    private MemoryImage(Dictionary<long, Table> tables, long ordinal)
    {
        _tables = tables;
        Ordinal = ordinal;
    }

    [Flags]
    public enum Frame : byte
    {
        None = 0,
        Mapped = 1,
        Writable = 2,
        Dirty = 4,
        Huge = 8,
        Mmio = 16,
    }

    /// <summary>The last event that it has taken in whole.</summary>
    public long Ordinal { get; set; }

    public IReadOnlyDictionary<long, Table> Tables => _tables;

    public void Write(long table, int index, long gfn, Frame frame)
    {
        // Neighbours are written one after the other.
        if (table != _lastTable || _last is not { } entries)
        {
            if (!_tables.TryGetValue(table, out entries))
                _tables[table] = entries = new Table(new Frame[Entries], new long[Entries]);
            (_lastTable, _last) = (table, entries);
        }

        entries.Frames[index] = frame;
        entries.Gfns[index] = gfn;
    }

    /// <summary>Without the tables that map nothing: most tables of a long history are gone.</summary>
    public MemoryImage Copy() => new(_tables.Where(pair => pair.Value.Frames.AsSpan().ContainsAnyExcept(Frame.None)).ToDictionary(pair => pair.Key, pair => pair.Value.Copy()), Ordinal);

    /// <param name="Frames">What each entry maps.</param>
    /// <param name="Gfns">The first guest frame that each translates, where it was written.</param>
    public sealed record Table(Frame[] Frames, long[] Gfns)
    {
        public Table Copy() => new([.. Frames], [.. Gfns]);
    }
}
