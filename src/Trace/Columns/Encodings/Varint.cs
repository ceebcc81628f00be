namespace Replay.Trace.Columns;

/// <summary>Unsigned LEB128, seven bits a byte, and its zigzag form for signed numbers.</summary>
internal static class Varint
{
    public const int MaxBytes = 10;

    /// <returns>Bytes written.</returns>
    public static int Write(Span<byte> into, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
            into[at++] = (byte)(value | 0x80);
        into[at++] = (byte)value;
        return at;
    }

    public static int WriteSigned(Span<byte> into, long value) => Write(into, (ulong)((value << 1) ^ (value >> 63)));

    /// <summary>Reads a number and moves <paramref name="at"/> behind it.</summary>
    /// <exception cref="InvalidDataException">No number ends here.</exception>
    public static ulong Read(ReadOnlySpan<byte> from, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if ((uint)at >= (uint)from.Length)
                break;
            var part = from[at++];
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
                return value;
        }
        throw new InvalidDataException("a number does not end");
    }

    public static long ReadSigned(ReadOnlySpan<byte> from, ref int at)
    {
        var value = Read(from, ref at);
        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}
