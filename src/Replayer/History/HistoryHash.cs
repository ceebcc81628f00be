using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>
/// The running hash of a history: XxHash128 over the bytes of every record in the order it was reported, each preceded by a byte for
/// its kind, without instruction addresses, which not every capture has. Two replays are the same when their hashes are.
/// </summary>
public sealed class HistoryHash
{
    private const int Capacity = 16384;

    private readonly XxHash128 _hash = new();
    private readonly byte[] _buffer = new byte[Capacity];
    private int _used;

    /// <summary>The hash of everything so far, as 32 hexadecimal digits.</summary>
    public override string ToString()
    {
        Drain();
        return Convert.ToHexStringLower(_hash.GetCurrentHash());
    }

    /// <param name="kind">Tells kinds of records apart that have the same bytes.</param>
    /// <param name="record">Without padding, so that every byte is its own.</param>
    /// <param name="left">Bytes at the end of the record that stay out of the hash.</param>
    public void Append<T>(byte kind, in T record, int left = 0)
        where T : unmanaged => Next<T>(kind, left) = record;

    /// <summary>The place of the next record, to be filled at once: a record that is made where it is hashed need not be copied there.</summary>
    /// <typeparam name="T">Without padding, smaller than the buffer.</typeparam>
    /// <param name="kind">As in <see cref="Append"/>.</param>
    /// <param name="left">Bytes at the end of the record that stay out of the hash.</param>
    /// <returns>Holds the record until another is asked for.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref T Next<T>(byte kind, int left = 0)
        where T : unmanaged
    {
        if (_used + Unsafe.SizeOf<T>() + 1 > Capacity)
            Drain();
        ref var place = ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_buffer), _used);
        _used += Unsafe.SizeOf<T>() + 1 - left;
        place = kind;
        return ref Unsafe.As<byte, T>(ref Unsafe.Add(ref place, 1));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Drain()
    {
        _hash.Append(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
