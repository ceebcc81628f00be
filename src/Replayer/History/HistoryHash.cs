using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>
/// The running hash of a history: XxHash128 over the bytes of every record in the order it was reported, each preceded by a byte for
/// its kind, without instruction addresses, which not every capture has. Two replays are the same when their hashes are.
/// </summary>
public sealed class HistoryHash
{
    private readonly XxHash128 _hash = new();
    private readonly byte[] _buffer = new byte[16384];
    private int _used;

    /// <summary>The hash of everything so far, as 32 hexadecimal digits.</summary>
    public override string ToString()
    {
        Drain();
        return Convert.ToHexStringLower(_hash.GetCurrentHash());
    }

    /// <param name="kind">Tells kinds of records apart that have the same bytes.</param>
    /// <param name="record">Without padding, so that every byte is its own.</param>
    public void Append<T>(byte kind, in T record)
        where T : unmanaged
    {
        var bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in record));
        if (_used + bytes.Length + 1 > _buffer.Length)
            Drain();
        _buffer[_used] = kind;
        bytes.CopyTo(_buffer.AsSpan(_used + 1));
        _used += bytes.Length + 1;
    }

    private void Drain()
    {
        _hash.Append(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
