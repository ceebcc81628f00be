using CsCheck;
using Replay.Trace.Columns;

namespace Replay.Trace.Tests;

/// <summary>The encodings of access files one by one, at lengths and values that recordings seldom have.</summary>
public sealed class ColumnCodecTests
{
    private static readonly Gen<int> Length = Gen.OneOf(Gen.Int[1, 40], Gen.Int[60, 70], Gen.Int[1000, 3000], Gen.Const(TraceChunk.Capacity));

    [Fact]
    public void Differences_decode_to_what_they_were() => Gen.Select(Length, Gen.Int[0, 62], Gen.ULong).Sample(static (length, bits, seed) =>
    {
        var values = Values(length, seed, next => (long)(next & ((1UL << bits) - 1)));
        for (var i = 1; i < values.Length && bits < 40; i++)
            values[i] += values[i - 1];
        AssertDeltas(values);
    });

    [Fact]
    public void Differences_of_any_width_decode_to_what_they_were()
    {
        long[] extremes = [long.MinValue, long.MaxValue, 0, -1, 1, long.MaxValue - 1];
        AssertDeltas(Values(5000, 1, next => extremes[next % 6]));
        AssertDeltas(Values(5000, 2, next => (long)next));
        AssertDeltas([]);
    }

    [Fact]
    public void Ordinals_without_gaps_take_next_to_nothing()
    {
        var into = new byte[DeltaEncoder.MaxBytes(TraceChunk.Capacity)];
        Assert.InRange(DeltaEncoder.Encode([.. Enumerable.Range(1 << 30, TraceChunk.Capacity)], into), 1, 1000);
    }

    [Fact]
    public void Narrow_indexes_decode_to_what_they_were() => Gen.Select(Length, Gen.Int[1, 256], Gen.Int[1, 300], Gen.ULong).Sample(static (length, entries, run, seed) =>
    {
        var indexes = Runs(length, run, seed).Select(value => (byte)(value % (ulong)entries)).ToArray();
        var page = new byte[IndexEncoder.MaxBytes(length)];
        var written = page.AsSpan(0, IndexEncoder.Encode(indexes, entries, page));
        var decoded = new byte[length];
        Assert.False(IndexDecoder.IsWide(written));
        IndexDecoder.Decode(written, entries, decoded);
        Assert.Equal(indexes, decoded);
    });

    [Fact]
    public void Wide_indexes_decode_to_what_they_were() => Gen.Select(Length, Gen.Int[257, 65536], Gen.Int[1, 300], Gen.ULong).Sample(static (length, entries, run, seed) =>
    {
        var indexes = Runs(length, run, seed).Select(value => (ushort)(value % (ulong)entries)).ToArray();
        var page = new byte[IndexEncoder.MaxBytes(length)];
        var written = page.AsSpan(0, IndexEncoder.Encode(indexes, page));
        var decoded = new ushort[length];
        Assert.True(IndexDecoder.IsWide(written));
        IndexDecoder.Decode(written, entries, decoded);
        Assert.Equal(indexes, decoded);
    });

    [Fact]
    public void An_index_beyond_its_dictionary_is_refused()
    {
        var page = new byte[100];
        var narrow = IndexEncoder.Encode(new byte[] { 0, 1, 2, 1 }, 4, page);
        Assert.Throws<InvalidDataException>(() => IndexDecoder.Decode(page.AsSpan(0, narrow), 2, new byte[4]));
        var wide = IndexEncoder.Encode(new ushort[] { 0, 300, 2, 1 }, page);
        Assert.Throws<InvalidDataException>(() => IndexDecoder.Decode(page.AsSpan(0, wide), 300, new ushort[4]));
    }

    [Fact]
    public void Bytes_are_numbered_in_ascending_order_however_many_there_are() => Gen.Select(Length, Gen.Int[1, 256], Gen.Int[1, 300], Gen.ULong).Sample(static (length, entries, run, seed) =>
    {
        var values = Runs(length, run, seed).Select(value => (byte)(value % (ulong)entries * 37)).ToArray();
        var distinct = new byte[256];
        var indexes = new byte[length];
        var count = ByteDictionary.Index(values, distinct, indexes);
        Assert.Equal(values.Distinct().Order(), distinct.Take(count));
        Assert.Equal(values, indexes.Select(index => distinct[index]));
    });

    [Fact]
    public void Vector_loops_do_what_plain_loops_do() => Gen.Select(Gen.Int[0, 70], Gen.Int[0, 70], Gen.ULong).Sample(static (length, odd, seed) =>
    {
        var gvas = Values(length, seed, next => (long)next).Select(value => (ulong)value).ToArray();
        var gpas = gvas.Select(gva => gva & 0xfff_ffff).ToArray();
        var sizes = gvas.Select(gva => (byte)(1 + (gva >> 60))).ToArray();
        if (odd < length)
            gpas[odd] ^= 0x800;
        var expected = (0UL, 0UL);
        for (var i = 0; i < length; i++)
            expected = (expected.Item1 | (gvas[i] ^ gpas[i]), expected.Item2 | ((gvas[i] & 0xfff) + sizes[i] - 1));
        Assert.Equal(expected, Lanes.Misfits(gvas, gpas, sizes, 0xfff));

        var offsets = new int[length];
        Lanes.NarrowMasked(gvas, 0xfff, offsets);
        Assert.Equal(gvas.Select(gva => (int)(gva & 0xfff)), offsets);

        var ascending = Enumerable.Range(0, length).Select(i => (long)i * i).ToArray();
        Assert.True(Lanes.Ascend(ascending));
        if (odd > 0 && odd < length)
            ascending[odd] = ascending[odd - 1];
        Assert.Equal(!(odd > 0 && odd < length), Lanes.Ascend(ascending));
    });

    [Fact]
    public void Definition_levels_decode_to_what_they_were() => Gen.Select(Length, Gen.Int[1, 300], Gen.ULong).Sample(static (length, run, seed) =>
    {
        var levels = Runs(length, run, seed).Select(value => (byte)(value & 1)).ToArray();
        var page = new byte[IndexEncoder.MaxBytes(length)];
        var decoded = new byte[length];
        IndexDecoder.DecodeLevels(page.AsSpan(0, IndexEncoder.EncodeLevels(levels, page)), decoded);
        Assert.Equal(levels, decoded);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Packing_without_the_CPU_instruction_gives_the_same_bits(int width)
    {
        Gen.ULong.Sample(bytes =>
        {
            var values = bytes & BitPacking.Mask(width);
            var packed = BitPacking.Gather(values, width);
            Assert.Equal(values, BitPacking.Scatter(packed, width));
            var into = new byte[8];
            Assert.Equal(width, BitPacking.Pack(BitConverter.GetBytes(values), width, into));
            Assert.Equal(packed, BitConverter.ToUInt64(into));
        });
    }

    [Fact]
    public void A_dictionary_numbers_values_in_the_order_they_come_and_forgets_them_when_cleared()
    {
        var dictionary = new WideDictionary();
        var indexes = new ushort[6];
        dictionary.Index([7, 7, ulong.MaxValue, 0, 7, 0], 0, indexes);
        Assert.Equal([0, 0, 1, 2, 0, 2], indexes);
        Assert.Equal([7, ulong.MaxValue, 0], dictionary.Entries.ToArray());
        dictionary.Index([0x5000, 0x5fff, 0x1000], 12, indexes);
        Assert.Equal([0, 0, 1], indexes.Take(3).Select(index => (int)index));
        Assert.Equal([5, 1], dictionary.Entries.ToArray());
    }

    [Fact]
    public void A_dictionary_holds_as_many_values_as_a_row_group_has_rows()
    {
        var dictionary = new WideDictionary();
        var values = Values(TraceChunk.Capacity, 9, next => (long)next).Select(value => (ulong)value).Distinct().ToArray();
        var indexes = new ushort[TraceChunk.Capacity];
        dictionary.Index(values, 0, indexes);
        Assert.Equal(values, dictionary.Entries.ToArray());
    }

    [Fact]
    public void Packed_offsets_decode_to_what_they_were() => Gen.Select(Length, Gen.ULong).Sample(static (length, seed) =>
    {
        var addresses = Values(length, seed, next => (long)next).Select(value => (ulong)value).ToArray();
        var offsets = new ushort[length];
        Lanes.NarrowMasked(addresses, 0xfff, offsets);
        Assert.Equal(addresses.Select(address => (ushort)(address & 0xfff)), offsets);
        var page = new byte[OffsetPage.MaxBytes(length)];
        var written = page.AsSpan(0, OffsetPage.Encode(offsets, page));
        var decoded = new uint[length];
        OffsetPage.Decode(written, decoded);
        Assert.Equal(offsets.Select(offset => (uint)offset), decoded);
        Assert.Throws<InvalidDataException>(() => OffsetPage.Decode(page.AsSpan(0, 1), decoded));
    });

    [Fact]
    public void Offsets_pack_to_the_same_bits_without_the_CPU_instruction() => Gen.ULong.Sample(static bits =>
    {
        var four = bits & 0x0fff_0fff_0fff_0fff;
        Assert.Equal(four, OffsetPage.Scatter(OffsetPage.Gather(four)));
        var page = new byte[OffsetPage.MaxBytes(8)];
        var offsets = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ushort>(BitConverter.GetBytes(four).AsSpan());
        OffsetPage.Encode(offsets, page);
        Assert.Equal(OffsetPage.Gather(four), BitConverter.ToUInt64(page, 2) & ((1UL << 48) - 1));
    });

    [Fact]
    public void Bytes_stored_as_they_are_make_a_frame_that_any_decompressor_takes()
    {
        using var decompressor = new ZstdSharp.Decompressor();
        foreach (var length in new[] { 0, 1, 1000, 1 << 17, (1 << 17) + 1, 400_000 })
        {
            var content = new byte[length];
            new Random(length).NextBytes(content);
            var frame = new byte[RawFrame.Length(length)];
            RawFrame.Write(content, frame);
            Assert.Equal(content, decompressor.Unwrap(frame).ToArray());
        }
    }

    [Fact]
    public void Many_narrow_values_pack_as_a_few_do() => Gen.Select(Gen.Int[0, 2], Gen.Int[0, 1000], Gen.ULong).Sample(static (power, length, seed) =>
    {
        var width = 1 << power;
        var values = Values(length, seed, next => (long)(next & ((1UL << width) - 1))).Select(value => (byte)value).ToArray();
        var packed = new byte[length + 64];
        var written = BitPacking.Pack(values, width, packed);
        var singly = new byte[length + 64];
        var at = 0;
        for (var i = 0; i < length; i += 8)
            at += BitPacking.Pack(values.AsSpan(i, Math.Min(8, length - i)), width, singly.AsSpan(at));
        Assert.Equal(singly.AsSpan(0, at), packed.AsSpan(0, written));
    });

    [Fact]
    public void Numbers_of_any_size_and_sign_read_back() => Gen.Long.Sample(static value =>
    {
        var bytes = new byte[Varint.MaxBytes];
        var length = Varint.WriteSigned(bytes, value);
        var at = 0;
        Assert.Equal(value, Varint.ReadSigned(bytes, ref at));
        Assert.Equal(length, at);
        at = 0;
        Assert.Throws<InvalidDataException>(() =>
        {
            var from = 0;
            return Varint.Read(bytes.AsSpan(0, length - 1), ref from);
        });
    });

    [Fact]
    public void Structures_of_no_kind_are_refused_and_never_crash() => Gen.Byte.Array[0, 60].Sample(static bytes =>
    {
        try
        {
            PageHeader.Read(bytes, out _);
        }
        catch (InvalidDataException)
        {
        }
        try
        {
            FooterReader.Read(bytes, AccessColumn.All(hasRips: false));
            Assert.Fail("a footer without columns was taken");
        }
        catch (InvalidDataException)
        {
        }
    });

    private static void AssertDeltas(long[] values)
    {
        var page = new byte[DeltaEncoder.MaxBytes(values.Length)];
        var decoded = new long[values.Length];
        DeltaDecoder.Decode(page.AsSpan(0, DeltaEncoder.Encode(values, page)), decoded);
        Assert.Equal(values, decoded);
    }

    private static long[] Values(int length, ulong seed, Func<ulong, long> map)
    {
        var values = new long[length];
        for (var i = 0; i < length; i++)
            values[i] = map(Next(ref seed));
        return values;
    }

    /// <summary>Values that repeat up to <paramref name="run"/> times.</summary>
    private static IEnumerable<ulong> Runs(int length, int run, ulong seed)
    {
        ulong value = 0;
        ulong left = 0;
        for (var i = 0; i < length; i++, left--)
        {
            if (left == 0)
            {
                value = Next(ref seed);
                left = 1 + (Next(ref seed) % (ulong)run);
            }
            yield return value;
        }
    }

    /// <summary>SplitMix64.</summary>
    private static ulong Next(ref ulong state)
    {
        var z = state += 0x9e37_79b9_7f4a_7c15;
        z = (z ^ (z >> 30)) * 0xbf58_476d_1ce4_e5b9;
        z = (z ^ (z >> 27)) * 0x94d0_49bb_1331_11eb;
        return z ^ (z >> 31);
    }
}
