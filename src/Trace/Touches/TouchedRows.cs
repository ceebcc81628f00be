using System.Runtime.InteropServices;

namespace Replay.Trace.Touches;

/// <summary>
/// What a chunk says of the accesses it leaves out: each repeats, page by page, one that stands before it, with no event and no other vCPU between.
/// </summary>
public sealed class TouchedRows
{
    private readonly List<int> _rows = [];
    private RowGroupPlace _group;
    private int _end;

    /// <summary>The last ordinal of the stretch, left out or not.</summary>
    public long LastOrdinal { get; private set; }

    /// <summary>Accesses of the stretch, those left out among them.</summary>
    public int Count => _end - (_rows.Count == 0 ? _end : _rows[0]);

    /// <summary>Where the accesses of the chunk stand in their row group.</summary>
    internal ReadOnlySpan<int> Rows => CollectionsMarshal.AsSpan(_rows);

    /// <summary>Where the stretch ends in it.</summary>
    internal int End => _end;

    internal RowGroupPlace Group => _group;

    /// <summary>Accesses from one of the chunk's up to another, the first included and those left out among them.</summary>
    /// <param name="from">Index in the chunk.</param>
    /// <param name="to">Index in the chunk; the chunk's count for the end of the stretch.</param>
    public int Between(int from, int to) => RowOf(to) - RowOf(from);

    /// <summary>Where an access of the chunk stands in what <see cref="TraceChunk.ExpandInto"/> gives; the end of the stretch for the chunk's count.</summary>
    public int RowOf(int index) => index == _rows.Count ? _end : _rows[index];

    internal void Set(ReadOnlySpan<int> rows, int end, long lastOrdinal, RowGroupPlace group)
    {
        _rows.Clear();
        _rows.AddRange(rows);
        _end = end;
        LastOrdinal = lastOrdinal;
        _group = group;
    }

    /// <summary>Takes over what another says from one of its accesses on.</summary>
    internal void Set(TouchedRows other, int from) => Set(other.Rows[from..], other._end, other.LastOrdinal, other._group);

    /// <summary>Ends the stretch before an access of the chunk.</summary>
    internal void CutAt(int index, long lastOrdinal)
    {
        _end = _rows[index];
        _rows.RemoveRange(index, _rows.Count - index);
        LastOrdinal = lastOrdinal;
    }
}

/// <summary>A row group of an access file.</summary>
/// <param name="Source">Reads all of it.</param>
/// <param name="Part">Number of the part.</param>
/// <param name="Group">Its number in the file.</param>
/// <param name="Rows">Rows that the index says it has.</param>
/// <param name="LastOrdinal">The ordinal that the index says is its last.</param>
/// <param name="Checksum">CRC-32C of its bytes.</param>
internal readonly record struct RowGroupPlace(WholeRowGroups Source, int Part, int Group, int Rows, long LastOrdinal, uint Checksum);
