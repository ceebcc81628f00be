using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Replay.Trace.Columns;

/// <summary>Loops over columns that the compiler does not turn into vector instructions by itself.</summary>
internal static class Lanes
{
    /// <summary>Takes the low byte of each index.</summary>
    public static void Narrow(ReadOnlySpan<ushort> indexes, Span<byte> into)
    {
        var i = 0;
        for (; i <= indexes.Length - Vector256<byte>.Count; i += Vector256<byte>.Count)
            Vector256.Narrow(Vector256.Create(indexes[i..]), Vector256.Create(indexes[(i + Vector256<ushort>.Count)..])).CopyTo(into[i..]);
        for (; i < indexes.Length; i++)
            into[i] = (byte)indexes[i];
    }

    /// <summary>Takes the bits of <paramref name="mask"/>, which are low ones, of each value.</summary>
    public static void NarrowMasked(ReadOnlySpan<ulong> values, ulong mask, Span<int> into)
    {
        var bits = Vector256.Create(mask);
        var i = 0;
        for (; i <= values.Length - Vector256<int>.Count; i += Vector256<int>.Count)
        {
            var low = Vector256.Create(values[i..]) & bits;
            var high = Vector256.Create(values[(i + Vector256<ulong>.Count)..]) & bits;
            Vector256.Narrow(low, high).AsInt32().CopyTo(into[i..]);
        }
        for (; i < values.Length; i++)
            into[i] = (int)(values[i] & mask);
    }

    /// <inheritdoc cref="NarrowMasked(ReadOnlySpan{ulong}, ulong, Span{int})"/>
    public static void NarrowMasked(ReadOnlySpan<ulong> values, ulong mask, Span<ushort> into)
    {
        var bits = Vector256.Create(mask);
        var i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
            Vector256.Narrow(Eight(values[i..], bits), Eight(values[(i + Vector256<uint>.Count)..], bits)).CopyTo(into[i..]);
        for (; i < values.Length; i++)
            into[i] = (ushort)(values[i] & mask);

        static Vector256<uint> Eight(ReadOnlySpan<ulong> values, Vector256<ulong> bits) =>
            Vector256.Narrow(Vector256.Create(values) & bits, Vector256.Create(values[Vector256<ulong>.Count..]) & bits);
    }

    /// <summary>What the two addresses of any access differ in, and the last byte's offset of all accesses together.</summary>
    public static (ulong Differs, ulong LastBytes) Misfits(ReadOnlySpan<ulong> gvas, ReadOnlySpan<ulong> gpas, ReadOnlySpan<byte> sizes, ulong offsetMask)
    {
        var differs = Vector256<ulong>.Zero;
        var lastBytes = Vector256<ulong>.Zero;
        var mask = Vector256.Create(offsetMask);
        var i = 0;
        for (; i <= gvas.Length - Vector256<ulong>.Count; i += Vector256<ulong>.Count)
        {
            var gva = Vector256.Create(gvas[i..]);
            differs |= gva ^ Vector256.Create(gpas[i..]);
            var size = Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalar(MemoryMarshal.Read<uint>(sizes[i..])).AsByte()));
            lastBytes |= (gva & mask) + Vector256.Create(Vector128.WidenLower(size), Vector128.WidenUpper(size)) - Vector256<ulong>.One;
        }
        var differ = 0UL;
        var last = 0UL;
        for (var lane = 0; lane < Vector256<ulong>.Count; lane++)
        {
            differ |= differs[lane];
            last |= lastBytes[lane];
        }
        for (; i < gvas.Length; i++)
        {
            differ |= gvas[i] ^ gpas[i];
            last |= (gvas[i] & offsetMask) + sizes[i] - 1;
        }
        return (differ, last);
    }

    /// <summary>Whether each value is above the one before.</summary>
    public static bool Ascend(ReadOnlySpan<long> values)
    {
        var i = 1;
        for (; i <= values.Length - Vector256<long>.Count; i += Vector256<long>.Count)
        {
            if (!Vector256.GreaterThanAll(Vector256.Create(values[i..]), Vector256.Create(values[(i - 1)..])))
                return false;
        }
        for (; i < values.Length; i++)
        {
            if (values[i] <= values[i - 1])
                return false;
        }
        return true;
    }
}
