using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>Reads in order what was written to a state buffer.</summary>
internal ref struct StateCursor(ReadOnlySpan<byte> rest)
{
    private ReadOnlySpan<byte> _rest = rest;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public T Read<T>()
        where T : unmanaged
    {
        var value = MemoryMarshal.Read<T>(_rest);
        _rest = _rest[Unsafe.SizeOf<T>()..];
        return value;
    }
}
