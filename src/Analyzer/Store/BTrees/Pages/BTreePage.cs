using System.Buffers.Binary;
using Replay.Replayer;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>A page of an index b-tree that is being filled in order of its keys.</summary>
/// <remarks>
/// <code>
///  0      type: 10 leaf, 2 interior
///  1..2   first free block: none
///  3..4   cells
///  5..6   where the cells begin
///  7      fragmented bytes: none
///  8..11  interior: the page right of all cells
///  then   where each cell is, 2 bytes, in order of keys
///  ...    free
///  ...    cells, the last one first; interior: 4 bytes with the page left of the key, then the key's own cell
/// </code>
/// Big endian. Source: sqlite.org/fileformat2.html, "B-tree Pages".
/// </remarks>
internal sealed class BTreePage
{
    public const int Size = 4096;

    private const int CellsOffset = 3;
    private const int ContentOffset = 5;
    private const int RightMostOffset = 8;
    private const byte Leaf = 10;
    private const byte Interior = 2;

    private readonly byte[] _page = new byte[Size];
    private readonly byte[] _held = new byte[RecordCell.Room];
    private readonly int _header;
    private readonly int _pointer;
    private int _cells;
    private int _content;
    private int _heldLength;

    /// <param name="isLeaf">Level 0 of the tree.</param>
    public BTreePage(bool isLeaf)
    {
        _page[0] = isLeaf ? Leaf : Interior;
        _header = isLeaf ? 8 : 12;
        _pointer = isLeaf ? 0 : sizeof(uint);
        Clear();
    }

    /// <summary>A cell that has no room here waits: it separates this page from the next one, if there is one.</summary>
    public bool IsHolding => _heldLength != 0;

    public ReadOnlySpan<byte> Held => _held.AsSpan(0, _heldLength);

    public uint HeldChild { get; private set; }

    /// <summary>False: no room.</summary>
    /// <param name="child">Interior: the page left of the cell's key.</param>
    /// <param name="cell">The cell as in a leaf.</param>
    public bool TryAdd(uint child, ReadOnlySpan<byte> cell)
    {
        var content = _content - cell.Length - _pointer;
        var pointers = _header + (_cells * sizeof(ushort));
        if (content < pointers + sizeof(ushort) || IsHolding)
            return false;
        if (_pointer != 0)
            BinaryPrimitives.WriteUInt32BigEndian(_page.AsSpan(content), child);
        cell.CopyTo(_page.AsSpan(content + _pointer));
        BinaryPrimitives.WriteUInt16BigEndian(_page.AsSpan(pointers), (ushort)content);
        _content = content;
        _cells++;
        return true;
    }

    public void Hold(uint child, ReadOnlySpan<byte> cell)
    {
        cell.CopyTo(_held);
        _heldLength = cell.Length;
        HeldChild = child;
    }

    /// <summary>Takes the last cell away.</summary>
    /// <param name="child">Interior: the page left of its key.</param>
    /// <param name="cell">Gets the cell as in a leaf.</param>
    /// <returns>Its length.</returns>
    public int TakeLast(out uint child, Span<byte> cell)
    {
        Invariant.Holds(_cells > 1, "a page of a table is split where it holds one row");
        child = _pointer != 0 ? BinaryPrimitives.ReadUInt32BigEndian(_page.AsSpan(_content)) : 0;
        var rest = _page.AsSpan(_content + _pointer);
        var length = RecordCell.LengthOf(rest);
        rest[..length].CopyTo(cell);
        _content += _pointer + length;
        _cells--;
        return length;
    }

    /// <summary>The finished page.</summary>
    /// <param name="rightMost">Interior: the page right of all keys.</param>
    public ReadOnlySpan<byte> Close(uint rightMost)
    {
        var pointers = _header + (_cells * sizeof(ushort));
        _page.AsSpan(pointers, _content - pointers).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(_page.AsSpan(CellsOffset), (ushort)_cells);
        BinaryPrimitives.WriteUInt16BigEndian(_page.AsSpan(ContentOffset), (ushort)_content);
        if (_pointer != 0)
            BinaryPrimitives.WriteUInt32BigEndian(_page.AsSpan(RightMostOffset), rightMost);
        return _page;
    }

    public void Clear()
    {
        _cells = 0;
        _content = Size;
        _heldLength = 0;
    }
}
