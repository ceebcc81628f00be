using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Replay.Trace.Columns;

/// <summary>
/// Encodes ordinals as Parquet's DELTA_BINARY_PACKED: blocks of differences, each less the smallest of its block, in miniblocks with a bit
/// width of their own. The ordinals of a full capture follow one another, so that their differences take no bits at all.
/// </summary>
internal static class DeltaEncoder
{
    public const int BlockValues = 1024;

    public const int Miniblocks = 8;

    public const int MiniblockValues = BlockValues / Miniblocks;

    /// <summary>Bytes that <paramref name="count"/> values take at most.</summary>
    public static int MaxBytes(int count) => 64 + ((count + BlockValues) * 9);

    /// <param name="values">What to encode.</param>
    /// <param name="into">Where to write.</param>
    /// <param name="wholeBytes">Make widths multiples of eight bits, which a compressor sees through.</param>
    /// <returns>Bytes written.</returns>
    public static int Encode(ReadOnlySpan<long> values, Span<byte> into, bool wholeBytes = false)
    {
        var at = EncodeHeader(values.Length, values.IsEmpty ? 0 : values[0], into);
        for (var start = 1; start < values.Length; start += BlockValues)
            at += EncodeBlock(values.Slice(start - 1, Math.Min(BlockValues, values.Length - start) + 1), into[at..], wholeBytes);
        return at;
    }

    /// <summary>Encodes <paramref name="count"/> values, more than none, of which only runs are known.</summary>
    /// <returns>Bytes written.</returns>
    public static int Encode(ReadOnlySpan<OrdinalRun> runs, int count, Span<byte> into)
    {
        var at = EncodeHeader(count, runs[0].Ordinal, into);
        Span<long> values = stackalloc long[BlockValues + 1];
        var run = 0;
        for (var start = 1; start < count; start += BlockValues)
        {
            var length = Math.Min(BlockValues, count - start);
            if (run + 1 == runs.Length || runs[run + 1].Row >= start + length)
            {
                at += EncodeOnes(into[at..]);
                continue;
            }
            for (var i = 0; i <= length; i++)
            {
                var row = start - 1 + i;
                if (run + 1 < runs.Length && runs[run + 1].Row == row)
                    run++;
                values[i] = runs[run].Ordinal + row - runs[run].Row;
            }
            at += EncodeBlock(values[..(length + 1)], into[at..], wholeBytes: false);
        }
        return at;
    }

    private static int EncodeHeader(int count, long first, Span<byte> into)
    {
        var at = Varint.Write(into, BlockValues);
        at += Varint.Write(into[at..], Miniblocks);
        at += Varint.Write(into[at..], (ulong)count);
        return at + Varint.WriteSigned(into[at..], first);
    }

    /// <summary>A block of values each of which is one more than the one before.</summary>
    private static int EncodeOnes(Span<byte> into)
    {
        var length = Varint.WriteSigned(into, 1);
        into.Slice(length, Miniblocks).Clear();
        return length + Miniblocks;
    }

    /// <param name="values">The block, and before it the last value of the block before.</param>
    /// <param name="into">Where to write.</param>
    /// <param name="wholeBytes">See <see cref="Encode(ReadOnlySpan{long}, Span{byte}, bool)"/>.</param>
    private static int EncodeBlock(ReadOnlySpan<long> values, Span<byte> into, bool wholeBytes)
    {
        var count = values.Length - 1;
        if (FollowOneAnother(values))
            return EncodeOnes(into);
        Span<ulong> deltas = stackalloc ulong[BlockValues];
        var min = long.MaxValue;
        for (var i = 0; i < count; i++)
        {
            var delta = values[i + 1] - values[i];
            deltas[i] = (ulong)delta;
            min = Math.Min(min, delta);
        }
        for (var i = 0; i < count; i++)
            deltas[i] -= (ulong)min;
        deltas[count..].Clear();
        var at = Varint.WriteSigned(into, min);
        var widths = into.Slice(at, Miniblocks);
        at += Miniblocks;
        for (var i = 0; i < Miniblocks; i++)
        {
            var miniblock = deltas.Slice(i * MiniblockValues, MiniblockValues);
            var width = Width(miniblock);
            widths[i] = (byte)(wholeBytes ? (width + 7) & ~7 : width);
            at += Pack(miniblock, widths[i], into[at..]);
        }
        return at;
    }

    /// <summary>Whether each value is one more than the one before.</summary>
    private static bool FollowOneAnother(ReadOnlySpan<long> values)
    {
        if (values[^1] - values[0] != values.Length - 1)
            return false;
        var i = 1;
        for (; i <= values.Length - Vector256<long>.Count; i += Vector256<long>.Count)
        {
            var step = Vector256.Create(values[i..]) - Vector256.Create(values[(i - 1)..]);
            if (step != Vector256<long>.One)
                return false;
        }
        for (; i < values.Length; i++)
        {
            if (values[i] - values[i - 1] != 1)
                return false;
        }
        return true;
    }

    private static int Width(ReadOnlySpan<ulong> values)
    {
        ulong all = 0;
        foreach (var value in values)
            all |= value;
        return 64 - BitOperations.LeadingZeroCount(all);
    }

    private static int Pack(ReadOnlySpan<ulong> values, int width, Span<byte> into)
    {
        if (width == 0)
            return 0;
        UInt128 bits = 0;
        var filled = 0;
        var at = 0;
        foreach (var value in values)
        {
            bits |= (UInt128)value << filled;
            filled += width;
            if (filled < 64)
                continue;
            BinaryPrimitives.WriteUInt64LittleEndian(into[at..], (ulong)bits);
            at += sizeof(ulong);
            bits >>= 64;
            filled -= 64;
        }
        // 128 values of any width end on a multiple of eight bytes.
        return at;
    }
}
