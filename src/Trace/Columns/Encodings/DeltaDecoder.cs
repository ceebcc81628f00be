using System.Buffers.Binary;

namespace Replay.Trace.Columns;

/// <summary>Decodes what <see cref="DeltaEncoder"/> wrote.</summary>
internal static class DeltaDecoder
{
    /// <summary>Decodes a page that has exactly as many values as <paramref name="values"/> holds.</summary>
    public static void Decode(ReadOnlySpan<byte> page, Span<long> values)
    {
        var at = 0;
        if (Varint.Read(page, ref at) != DeltaEncoder.BlockValues || Varint.Read(page, ref at) != DeltaEncoder.Miniblocks)
            throw new InvalidDataException("differences come in blocks of another size");
        if (Varint.Read(page, ref at) != (ulong)values.Length)
            throw new InvalidDataException("a page of differences has another number of values");
        var last = Varint.ReadSigned(page, ref at);
        if (values.IsEmpty)
            return;
        values[0] = last;
        for (var rest = values[1..]; !rest.IsEmpty;)
        {
            var block = rest[..Math.Min(DeltaEncoder.BlockValues, rest.Length)];
            DecodeBlock(page, ref at, ref last, block);
            rest = rest[block.Length..];
        }
    }

    private static void DecodeBlock(ReadOnlySpan<byte> page, ref int at, ref long last, Span<long> values)
    {
        var min = Varint.ReadSigned(page, ref at);
        var widths = Slice(page, at, DeltaEncoder.Miniblocks);
        at += DeltaEncoder.Miniblocks;
        foreach (var width in widths)
        {
            var miniblock = values[..Math.Min(DeltaEncoder.MiniblockValues, values.Length)];
            if (width == 0)
            {
                Step(min, ref last, miniblock);
            }
            else
            {
                if (width > 64)
                    throw new InvalidDataException($"differences are {width} bits wide");
                var bytes = DeltaEncoder.MiniblockValues / 8 * width;
                Unpack(Slice(page, at, bytes), width, min, ref last, miniblock);
                at += bytes;
            }
            values = values[miniblock.Length..];
        }
    }

    /// <summary>Values that all lie <paramref name="step"/> apart: computed, not added up, so that they do not wait for each other.</summary>
    private static void Step(long step, ref long last, Span<long> values)
    {
        var first = last + step;
        for (var i = 0; i < values.Length; i++)
            values[i] = first + (step * i);
        last += step * values.Length;
    }

    private static void Unpack(ReadOnlySpan<byte> packed, int width, long min, ref long last, Span<long> values)
    {
        // Each value is cut out of the eight (or nine) bytes around it; the copy makes room to read beyond the last.
        Span<byte> bytes = stackalloc byte[(DeltaEncoder.MiniblockValues * sizeof(ulong)) + 16];
        packed.CopyTo(bytes);
        bytes.Slice(packed.Length, 16).Clear();
        var mask = width == 64 ? ulong.MaxValue : (1UL << width) - 1;
        var value = last;
        for (var i = 0; i < values.Length; i++)
        {
            var bit = i * width;
            var shift = bit & 7;
            var word = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(bit >> 3)..]) >> shift;
            if (shift + width > 64)
                word |= (ulong)bytes[(bit >> 3) + 8] << (64 - shift);
            value += (long)(word & mask) + min;
            values[i] = value;
        }
        last = value;
    }

    private static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> page, int start, int length) =>
        start <= page.Length - length ? page.Slice(start, length) : throw new InvalidDataException("a page of differences ends early");
}
