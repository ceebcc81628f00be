using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Replay.Analyzer.Observed;

/// <summary>The running hash of an observed history: XxHash128 over its records, as they are told, each after a byte for its kind.</summary>
internal sealed class ObservedHash
{
    private readonly XxHash128 _hash = new();
    private readonly byte[] _buffer = new byte[16384];
    private int _used;

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

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString()
    {
        Drain();
        return Convert.ToHexStringLower(_hash.GetCurrentHash());
    }

    private void Drain()
    {
        _hash.Append(_buffer.AsSpan(0, _used));
        _used = 0;
    }
}
