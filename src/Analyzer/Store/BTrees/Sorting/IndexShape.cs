using System.Runtime.InteropServices;
using Replay.Replayer;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>What an index over a table of records consists of.</summary>
/// <param name="Name">As in the schema.</param>
/// <param name="Columns">Which columns of a row make an entry, those of the primary key at the end.</param>
/// <param name="Sorted">The first so many are sorted by. The others are of the primary key, in whose order the rows of a run come.</param>
/// <param name="IsPartial">Rows in which the first column is NULL have no entry.</param>
internal sealed record IndexShape(string Name, int[] Columns, int Sorted, bool IsPartial);

/// <summary>What SQLite checks when a row is inserted, and what the trees are built on: the rows of a run come in the order of their primary key.</summary>
internal sealed class KeyOrder(TableShape shape, int run)
{
    private readonly long[] _last = new long[shape.Key];

    public void Check(ReadOnlySpan<long> values)
    {
        var isAfter = false;
        for (var i = 0; i < _last.Length; i++)
        {
            var value = values[shape.Order[i]];
            if (!isAfter && value < _last[i])
                Break(values, "out of order");
            isAfter |= value > _last[i];
            _last[i] = value;
        }

        if (!isAfter)
            Break(values, "twice");
    }

    private void Break(ReadOnlySpan<long> values, string how) =>
        Invariant.Broken($"{shape.Name} gets a row of run {run} {how}: {string.Join(", ", values.ToArray())}");
}

/// <summary>Reads the entries of one sorted piece.</summary>
internal sealed class PieceReader(SpoolStream piece, int width)
{
    /// <summary>Bytes that are read at once: little, for all pieces are open at the same time.</summary>
    public const int ExtentLength = 1 << 14;

    private readonly long[] _room = new long[ExtentLength / sizeof(long)];
    private int _extent;
    private int _count;
    private int _next;

    /// <summary>Columns of the entry that is next. Only after <see cref="TryMove"/> said that there is one.</summary>
    public ReadOnlySpan<long> Entry => _room.AsSpan(_next, width);

    public bool TryMove()
    {
        _next += width;
        if (_next < _count)
            return true;
        _count = piece.Read(ref _extent, MemoryMarshal.AsBytes(_room.AsSpan())).Length / sizeof(long);
        _next = 0;
        return _count != 0;
    }
}

/// <summary>Turns index entries into cells of a tree.</summary>
internal sealed class EntryCells(BTreeBuilder tree, int width)
{
    private readonly int[] _order = [.. Enumerable.Range(0, width)];
    private readonly byte[] _room = new byte[RecordCell.Room];

    public void Append(ReadOnlySpan<long> entry) => tree.Append(RecordCell.Encode(entry, nulls: 0, _order, _room));
}
