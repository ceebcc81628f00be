using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

/// <summary>
/// Encodes dictionary indexes as Parquet's RLE_DICTIONARY: a byte with the width, then stretches that are either one index repeated or
/// indexes packed bit by bit. Widths are 1, 2, 4, 8 and 16, which unpack fast and leave whole bytes to the compressor.
/// </summary>
internal static class IndexEncoder
{
    /// <summary>Shorter runs stay in the packed stretch around them: a new stretch costs the decoder more than the bits it saves.</summary>
    private const int MinRun = 64;

    /// <summary>Bytes that <paramref name="count"/> indexes take at most.</summary>
    public static int MaxBytes(int count) => 64 + (3 * count);

    /// <returns>Bytes written.</returns>
    public static int Encode(ReadOnlySpan<byte> indexes, int entries, Span<byte> into)
    {
        var width = WidthOf(entries);
        into[0] = (byte)width;
        return 1 + EncodeStretches(indexes, width, into[1..]);
    }

    /// <summary>Encodes definition levels: 1 where there is a value, 0 where there is null.</summary>
    /// <returns>Bytes written.</returns>
    public static int EncodeLevels(ReadOnlySpan<byte> levels, Span<byte> into) => EncodeStretches(levels, 1, into);

    private static int EncodeStretches(ReadOnlySpan<byte> indexes, int width, Span<byte> into)
    {
        var at = 0;
        while (!indexes.IsEmpty)
        {
            var (length, isRun) = NextStretch(indexes);
            if (isRun)
            {
                at += Varint.Write(into[at..], (ulong)length << 1);
                into[at++] = indexes[0];
            }
            else
            {
                at += Varint.Write(into[at..], PackedHeader(length));
                at += BitPacking.Pack(indexes[..length], width, into[at..]);
            }
            indexes = indexes[length..];
        }
        return at;
    }

    /// <returns>Bytes written.</returns>
    public static int Encode(ReadOnlySpan<ushort> indexes, Span<byte> into)
    {
        into[0] = 16;
        var at = 1;
        while (!indexes.IsEmpty)
        {
            var (length, isRun) = NextStretch(indexes);
            at += EncodeStretch(indexes[..length], isRun, into[at..]);
            indexes = indexes[length..];
        }
        return at;
    }

    private static int EncodeStretch(ReadOnlySpan<ushort> indexes, bool isRun, Span<byte> into)
    {
        var stored = isRun ? 1 : indexes.Length;
        var at = Varint.Write(into, isRun ? (ulong)indexes.Length << 1 : PackedHeader(indexes.Length));
        MemoryMarshal.AsBytes(indexes[..stored]).CopyTo(into[at..]);
        at += stored * sizeof(ushort);
        if (isRun)
            return at;
        var padding = (-indexes.Length & 7) * sizeof(ushort);
        into.Slice(at, padding).Clear();
        return at + padding;
    }

    /// <summary>As one stretch, whatever is in it: for those in a hurry.</summary>
    /// <returns>Bytes written.</returns>
    public static int EncodeWhole(ReadOnlySpan<byte> indexes, int entries, Span<byte> into)
    {
        if (RunLength(indexes) == indexes.Length)
            return Encode(indexes, entries, into);
        var width = WidthOf(entries);
        into[0] = (byte)width;
        var at = 1 + Varint.Write(into[1..], PackedHeader(indexes.Length));
        return at + BitPacking.Pack(indexes, width, into[at..]);
    }

    /// <inheritdoc cref="EncodeWhole(ReadOnlySpan{byte}, int, Span{byte})"/>
    public static int EncodeWhole(ReadOnlySpan<ushort> indexes, Span<byte> into)
    {
        into[0] = 16;
        return 1 + EncodeStretch(indexes, RunLength(indexes) == indexes.Length, into[1..]);
    }

    private static int WidthOf(int entries) => entries <= 2 ? 1 : entries <= 4 ? 2 : entries <= 16 ? 4 : 8;

    private static ulong PackedHeader(int length) => ((ulong)(length + 7) / 8 << 1) | 1;

    /// <summary>The next stretch. A packed one holds a multiple of eight indexes, unless it is the last.</summary>
    private static (int Length, bool IsRun) NextStretch<T>(ReadOnlySpan<T> indexes)
        where T : IEquatable<T>
    {
        var run = RunLength(indexes);
        if (run >= MinRun || run == indexes.Length)
            return (run, true);
        var at = MinRun;
        while (at < indexes.Length && RunLength(indexes[at..]) < MinRun)
            at += MinRun;
        return (Math.Min(at, indexes.Length), false);
    }

    private static int RunLength<T>(ReadOnlySpan<T> indexes)
        where T : IEquatable<T>
    {
        var end = indexes.IndexOfAnyExcept(indexes[0]);
        return end < 0 ? indexes.Length : end;
    }
}
