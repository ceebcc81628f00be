using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Replay.Replayer.SavedState;

/// <summary>Bytes in memory that grow as they are written, and are used again.</summary>
public sealed class StateBuffer
{
    private byte[] _bytes = new byte[1 << 16];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    public void Write<T>(T value)
        where T : unmanaged
    {
        var size = Unsafe.SizeOf<T>();
        MemoryMarshal.Write(Room(size), in value);
        Length += size;
    }

    private Span<byte> Room(int count)
    {
        if (_bytes.Length - Length < count)
        {
            var larger = GC.AllocateUninitializedArray<byte>(Math.Max(checked(Length + count), _bytes.Length * 2));
            Written.CopyTo(larger);
            _bytes = larger;
        }

        return _bytes.AsSpan(Length, count);
    }
}
