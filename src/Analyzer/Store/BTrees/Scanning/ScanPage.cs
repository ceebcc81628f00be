using System.Buffers.Binary;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>A page of an index b-tree, layout as in <see cref="BTreePage"/>, on the way from its first child or cell to its last.</summary>
internal sealed class ScanPage
{
    /// <summary>Room behind the page that a number at its end may be read from.</summary>
    public const int Slack = sizeof(long);

    private const byte Leaf = 10;
    private const byte Interior = 2;

    private readonly byte[] _page = new byte[BTreePage.Size + Slack];
    private int _cells;
    private int _pointers;
    private int _next;
    private bool _isInterior;
    private bool _childIsNext;

    /// <summary>Where the page is read to.</summary>
    public Span<byte> Bytes => _page.AsSpan(0, BTreePage.Size);

    public void Begin()
    {
        if (_page[0] is not (Leaf or Interior))
            throw new ArgumentOutOfRangeException(nameof(Bytes), "no page of a table of records");
        _isInterior = _page[0] == Interior;
        _childIsNext = _isInterior;
        _pointers = _isInterior ? 12 : 8;
        _cells = BinaryPrimitives.ReadUInt16BigEndian(_page.AsSpan(3));
        _next = 0;
    }

    /// <summary>Passes over cells of earlier runs, and of the run before a value of the second column, with the children left of them.</summary>
    public void SkipTo(long run, long from)
    {
        while (_next < _cells && RecordColumns.Key(Cell()).CompareTo((run, from)) < 0)
            _next++;
    }

    /// <summary>An interior page has a child before each cell and one behind all.</summary>
    public bool TryNextChild(out uint child)
    {
        child = 0;
        if (!_childIsNext)
            return false;
        _childIsNext = false;
        child = BinaryPrimitives.ReadUInt32BigEndian(_page.AsSpan(_next < _cells ? PointedTo() : 8));
        return true;
    }

    /// <param name="cell">Begins with the cell.</param>
    public bool TryNextCell(out ReadOnlySpan<byte> cell)
    {
        cell = default;
        if (_next >= _cells)
            return false;
        cell = Cell();
        _next++;
        _childIsNext = _isInterior;
        return true;
    }

    private int PointedTo() => BinaryPrimitives.ReadUInt16BigEndian(_page.AsSpan(_pointers + (_next * sizeof(ushort))));

    private ReadOnlySpan<byte> Cell() => _page.AsSpan(PointedTo() + (_isInterior ? sizeof(uint) : 0));
}
