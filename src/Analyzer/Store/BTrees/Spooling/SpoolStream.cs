using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Bytes in order, on their way through a <see cref="Spool"/>. What is added at once stays in one extent.</summary>
/// <param name="spool">Where it goes.</param>
/// <param name="extentLength">Bytes of an extent, at most.</param>
internal sealed class SpoolStream(Spool spool, int extentLength = SpoolStream.ExtentLength)
{
    /// <summary>Bytes of an extent, unless another length is given.</summary>
    public const int ExtentLength = 1 << 16;

    private const int FirstRoom = 1 << 10;

    private readonly List<SpoolExtent> _extents = [];
    private byte[] _open = [];
    private int _used;

    public bool IsEmpty => _extents.Count == 0 && _used == 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (_used + bytes.Length > _open.Length)
            MakeRoom(bytes.Length);
        bytes.CopyTo(_open.AsSpan(_used));
        _used += bytes.Length;
    }

    public void Flush()
    {
        if (_used != 0)
            _extents.Add(spool.Write(_open.AsSpan(0, _used)));
        _used = 0;
    }

    /// <summary>Nothing more is added: gives its memory back.</summary>
    public void Trim()
    {
        Flush();
        _open = [];
    }

    /// <summary>The next piece of the stream; empty at its end.</summary>
    /// <param name="position">0 at first; moves on.</param>
    /// <param name="room"><see cref="ExtentLength"/> bytes.</param>
    public ReadOnlySpan<byte> Read(ref int position, Span<byte> room)
    {
        if (position < _extents.Count)
        {
            var extent = _extents[position++];
            spool.Read(extent, room);
            return room[..extent.Length];
        }

        if (position++ != _extents.Count)
            return [];
        _open.AsSpan(0, _used).CopyTo(room);
        return room[.._used];
    }

    /// <summary>Where the extents are: what is open is flushed before.</summary>
    public void Save(StateBuffer destination)
    {
        Flush();
        destination.Write(_extents.Count);
        foreach (var extent in _extents)
            destination.Write(extent);
    }

    public static SpoolStream Restore(Spool spool, ref StateCursor source)
    {
        var stream = new SpoolStream(spool);
        for (var left = source.Read<int>(); left > 0; left--)
            stream._extents.Add(source.Read<SpoolExtent>());
        return stream;
    }

    private void MakeRoom(int length)
    {
        if (_open.Length < extentLength)
            Array.Resize(ref _open, Math.Min(Math.Max(_open.Length * 2, FirstRoom), extentLength));
        else
            Flush();
        if (_used + length > _open.Length)
            MakeRoom(length);
    }
}
