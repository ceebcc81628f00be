using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store.BTrees;

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
