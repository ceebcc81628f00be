using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Replay.Trace.Columns;

/// <summary>Packs bytes that use only their low 1, 2, 4 or all 8 bits, the first value in the lowest bits, as Parquet does.</summary>
/// <remarks>
/// Eight bytes at a time, here with width 2:
/// <code>
/// bytes   000000hh 000000gg 000000ff 000000ee 000000dd 000000cc 000000bb 000000aa
/// packed                                                       hhggffee ddccbbaa
/// </code>
/// </remarks>
internal static class BitPacking
{
    private const int Group = 8;

    /// <summary>What is joined down to bits in vectors: three times a half of it is still a whole number of them.</summary>
    private const int JoinGroup = 8 * Vector256Bytes;

    private const int Vector256Bytes = 32;

    /// <summary>Packs <paramref name="values"/>, padded with zeros to a multiple of eight.</summary>
    /// <returns>Bytes written: <paramref name="width"/> for each eight values.</returns>
    public static int Pack(ReadOnlySpan<byte> values, int width, Span<byte> packed)
    {
        if (width == 8)
        {
            values.CopyTo(packed);
            var padding = -values.Length & (Group - 1);
            packed.Slice(values.Length, padding).Clear();
            return values.Length + padding;
        }
        var whole = values.Length - (values.Length % JoinGroup);
        var at = whole * width / Group;
        PackWhole(values[..whole], width, packed);
        values = values[whole..];
        Span<byte> one = stackalloc byte[Group];
        var mask = Mask(width);
        while (!values.IsEmpty)
        {
            var bits = values.Length >= Group ? BinaryPrimitives.ReadUInt64LittleEndian(values) : Padded(values);
            BinaryPrimitives.WriteUInt64LittleEndian(one, Bmi2.X64.IsSupported ? Bmi2.X64.ParallelBitExtract(bits, mask) : Gather(bits, width));
            one[..width].CopyTo(packed[at..]);
            at += width;
            values = values[Math.Min(Group, values.Length)..];
        }
        return at;
    }

    /// <summary>Joins neighbours until bytes are full.</summary>
    private static void PackWhole(ReadOnlySpan<byte> values, int width, Span<byte> packed)
    {
        for (; width < 8; width *= 2)
        {
            for (var i = 0; i < values.Length; i += 2 * Vector256Bytes)
                Vector256.Narrow(Pairs(values[i..], width), Pairs(values[(i + Vector256Bytes)..], width)).CopyTo(packed[(i / 2)..]);
            values = packed[..(values.Length / 2)];
        }

        // Of the pair 00000000bb 00000000aa, as a number of 16 bits, the low byte of aa | bb >> (8 - width).
        static Vector256<ushort> Pairs(ReadOnlySpan<byte> values, int width)
        {
            var pairs = Vector256.Create(values).AsUInt16();
            return (pairs | (pairs >> (8 - width))) & Vector256.Create((ushort)0xff);
        }
    }

    /// <summary>Unpacks as many values as <paramref name="values"/> holds. <paramref name="packed"/> has all their bits.</summary>
    public static void Unpack(ReadOnlySpan<byte> packed, int width, Span<byte> values)
    {
        if (width == 8)
        {
            packed[..values.Length].CopyTo(values);
            return;
        }
        Span<byte> one = stackalloc byte[Group];
        var mask = Mask(width);
        while (!values.IsEmpty)
        {
            ulong bits;
            if (packed.Length >= Group)
            {
                bits = BinaryPrimitives.ReadUInt64LittleEndian(packed);
            }
            else
            {
                one.Clear();
                packed.CopyTo(one);
                bits = BinaryPrimitives.ReadUInt64LittleEndian(one);
            }
            var spread = Bmi2.X64.IsSupported ? Bmi2.X64.ParallelBitDeposit(bits, mask) : Scatter(bits, width);
            if (values.Length < Group)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(one, spread);
                one[..values.Length].CopyTo(values);
                return;
            }
            BinaryPrimitives.WriteUInt64LittleEndian(values, spread);
            packed = packed[width..];
            values = values[Group..];
        }
    }

    /// <summary>What <see cref="Bmi2.X64.ParallelBitExtract"/> does with the mask of a width, where the CPU has no such instruction.</summary>
    internal static ulong Gather(ulong bytes, int width)
    {
        ulong packed = 0;
        for (var i = 0; i < Group; i++)
            packed |= ((bytes >> (8 * i)) & ((1UL << width) - 1)) << (width * i);
        return packed;
    }

    /// <summary>What <see cref="Bmi2.X64.ParallelBitDeposit"/> does with the mask of a width, where the CPU has no such instruction.</summary>
    internal static ulong Scatter(ulong packed, int width)
    {
        ulong bytes = 0;
        for (var i = 0; i < Group; i++)
            bytes |= ((packed >> (width * i)) & ((1UL << width) - 1)) << (8 * i);
        return bytes;
    }

    /// <summary>The low <paramref name="width"/> bits of each byte.</summary>
    internal static ulong Mask(int width) => 0x0101_0101_0101_0101 * ((1UL << width) - 1);

    private static ulong Padded(ReadOnlySpan<byte> values)
    {
        Span<byte> one = stackalloc byte[Group];
        one.Clear();
        values.CopyTo(one);
        return BinaryPrimitives.ReadUInt64LittleEndian(one);
    }
}
