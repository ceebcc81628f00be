using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

/// <summary>Decodes what <see cref="IndexEncoder"/> wrote.</summary>
internal static class IndexDecoder
{
    private const int WideWidth = 16;

    /// <summary>Whether a page holds indexes of two bytes.</summary>
    public static bool IsWide(ReadOnlySpan<byte> page) =>
        page.IsEmpty ? throw new InvalidDataException("a page of indexes is empty") : page[0] == WideWidth;

    /// <summary>Decodes a page of narrow indexes, all of which are below <paramref name="entries"/>.</summary>
    public static void Decode(ReadOnlySpan<byte> page, int entries, Span<byte> indexes)
    {
        var width = page[0];
        if (width is not (1 or 2 or 4 or 8))
            throw new InvalidDataException($"indexes are {width} bits wide");
        DecodeStretches(page[1..], width, indexes);
        if (entries <= byte.MaxValue && indexes.IndexOfAnyInRange((byte)entries, byte.MaxValue) >= 0)
            throw new InvalidDataException("an index lies outside its dictionary");
    }

    /// <summary>Decodes a page of wide indexes, all of which are below <paramref name="entries"/>.</summary>
    public static void Decode(ReadOnlySpan<byte> page, int entries, Span<ushort> indexes)
    {
        var at = 1;
        for (var rest = indexes; !rest.IsEmpty;)
        {
            var length = NextStretch(page, ref at, rest.Length, out var isRun);
            if (isRun)
            {
                rest[..length].Fill(MemoryMarshal.Read<ushort>(Slice(page, at, sizeof(ushort))));
                at += sizeof(ushort);
            }
            else
            {
                Packed(page, length, WideWidth, ref at)[..(length * sizeof(ushort))].CopyTo(MemoryMarshal.AsBytes(rest));
            }
            rest = rest[length..];
        }
        if (entries <= ushort.MaxValue && indexes.IndexOfAnyInRange((ushort)entries, ushort.MaxValue) >= 0)
            throw new InvalidDataException("an index lies outside its dictionary");
    }

    /// <summary>Decodes definition levels, each 0 or 1.</summary>
    public static void DecodeLevels(ReadOnlySpan<byte> stretches, Span<byte> levels)
    {
        DecodeStretches(stretches, 1, levels);
        if (levels.IndexOfAnyInRange((byte)2, byte.MaxValue) >= 0)
            throw new InvalidDataException("a value is neither there nor null");
    }

    private static void DecodeStretches(ReadOnlySpan<byte> stretches, int width, Span<byte> indexes)
    {
        var at = 0;
        for (var rest = indexes; !rest.IsEmpty;)
        {
            var length = NextStretch(stretches, ref at, rest.Length, out var isRun);
            if (isRun)
                rest[..length].Fill(Slice(stretches, at++, 1)[0]);
            else
                BitPacking.Unpack(Packed(stretches, length, width, ref at), width, rest[..length]);
            rest = rest[length..];
        }
    }

    private static int NextStretch(ReadOnlySpan<byte> page, ref int at, int left, out bool isRun)
    {
        var header = Varint.Read(page, ref at);
        isRun = (header & 1) == 0;
        var length = isRun ? header >> 1 : (header >> 1) * 8;
        // The last packed stretch is padded to a multiple of eight.
        if (length == 0 || length > (ulong)left + (isRun ? 0UL : 7UL))
            throw new InvalidDataException("a stretch of indexes is longer than its page");
        return (int)Math.Min(length, (ulong)left);
    }

    /// <summary>The bytes of a packed stretch; <paramref name="at"/> moves behind it.</summary>
    private static ReadOnlySpan<byte> Packed(ReadOnlySpan<byte> page, int length, int width, ref int at)
    {
        var packed = Slice(page, at, (length + 7) / 8 * width);
        at += packed.Length;
        return packed;
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> page, int start, int length) =>
        start <= page.Length - length ? page.Slice(start, length) : throw new InvalidDataException("a page of indexes ends early");
}
