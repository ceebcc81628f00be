using System.Runtime.InteropServices;
using Replay.Replayer;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Collects the entries of one index: sorted pieces on the spool, and those since the last piece in memory.</summary>
internal sealed class IndexEntries(IndexShape shape, Spool spool, KeySort sort)
{
    /// <summary>Entries of a piece, at most.</summary>
    public const int PieceCapacity = 1 << 16;

    private const int FirstCapacity = 1 << 10;

    private readonly List<SpoolStream> _pieces = [];
    private readonly int _width = shape.Columns.Length;
    private readonly uint _mask = shape.Columns.Aggregate(0u, (mask, column) => mask | 1u << column);
    private long[] _columns = [];
    private int _capacity;
    private int _count;

    public IndexShape Shape => shape;

    public void Add(ReadOnlySpan<long> values, uint nulls)
    {
        if ((nulls & _mask) != 0)
        {
            Invariant.Holds(shape.IsPartial && (nulls & _mask) == 1u << shape.Columns[0], $"{shape.Name} gets an entry with a NULL");
            return;
        }

        if (_count == _capacity)
            MakeRoom();
        var place = _count++;
        foreach (var column in shape.Columns)
        {
            _columns[place] = values[column];
            place += _capacity;
        }
    }

    /// <summary>Appends all entries in order.</summary>
    public void Build(BTreeBuilder tree)
    {
        if (_pieces.Count > 0)
            Spill();
        var emit = new EntryCells(tree, _width);
        if (_pieces.Count == 0)
        {
            Span<long> entry = stackalloc long[_width];
            foreach (var row in sort.Order(_columns, _capacity, _count, shape.Sorted))
                emit.Append(Entry(row, entry));
            return;
        }

        var merge = new PieceMerge([.. _pieces.Select(piece => new PieceReader(piece, _width))], shape.Sorted);
        while (merge.TryNext(out var next))
            emit.Append(next);
    }

    public void Save(StateBuffer destination)
    {
        Spill();
        destination.Write(_pieces.Count);
        foreach (var piece in _pieces)
            piece.Save(destination);
    }

    public void Restore(ref StateCursor source)
    {
        for (var left = source.Read<int>(); left > 0; left--)
            _pieces.Add(SpoolStream.Restore(spool, ref source));
    }

    private void Spill()
    {
        if (_count == 0)
            return;
        var piece = new SpoolStream(spool, PieceReader.ExtentLength);
        Span<long> entry = stackalloc long[_width];
        foreach (var row in sort.Order(_columns, _capacity, _count, shape.Sorted))
            piece.Add(MemoryMarshal.AsBytes(Entry(row, entry)));
        piece.Trim();
        _pieces.Add(piece);
        _count = 0;
    }

    private ReadOnlySpan<long> Entry(int row, Span<long> entry)
    {
        for (var i = 0; i < entry.Length; i++)
            entry[i] = _columns[(i * _capacity) + row];
        return entry;
    }

    private void MakeRoom()
    {
        if (_capacity == PieceCapacity)
        {
            Spill();
            return;
        }

        var capacity = Math.Max(_capacity * 2, FirstCapacity);
        var columns = new long[_width * capacity];
        for (var i = 0; i < _width; i++)
            _columns.AsSpan(i * _capacity, _count).CopyTo(columns.AsSpan(i * capacity));
        (_columns, _capacity) = (columns, capacity);
    }
}
