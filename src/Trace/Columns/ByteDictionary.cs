using System.Runtime.Intrinsics;

namespace Replay.Trace.Columns;

/// <summary>Numbers the distinct values of a column of bytes in ascending order.</summary>
internal static class ByteDictionary
{
    /// <summary>Up to here values are told apart with vector comparisons, one for each of them.</summary>
    private const int Few = 5;

    /// <summary>Distinct values at most.</summary>
    public const int MaxEntries = 256;

    /// <summary>Finds the distinct values and looks each value up.</summary>
    /// <returns>How many there are.</returns>
    public static int Index(ReadOnlySpan<byte> values, Span<byte> distinct, Span<byte> indexes)
    {
        var entries = Distinct(values, distinct);
        if (entries == 1)
            indexes[..values.Length].Clear();
        else if (entries <= Few)
            IndexFew(values, distinct[..entries], indexes);
        else
            IndexMany(values, distinct[..entries], indexes);
        return entries;
    }

    /// <summary>The same, with the distinct values as a Parquet dictionary has them.</summary>
    public static int Index(ReadOnlySpan<byte> values, Span<int> dictionary, Span<byte> indexes)
    {
        Span<byte> distinct = stackalloc byte[MaxEntries];
        var entries = Index(values, distinct, indexes);
        for (var i = 0; i < entries; i++)
            dictionary[i] = distinct[i];
        return entries;
    }

    private static int Distinct(ReadOnlySpan<byte> values, Span<byte> distinct)
    {
        var entries = 0;
        for (var rest = values; entries <= Few; entries++)
        {
            var next = entries == 0 ? 0 : rest.IndexOfAnyExcept(distinct[..entries]);
            if (next < 0)
            {
                distinct[..entries].Sort();
                return entries;
            }
            distinct[entries] = rest[next];
            rest = rest[next..];
        }
        return DistinctMany(values, distinct);
    }

    private static int DistinctMany(ReadOnlySpan<byte> values, Span<byte> distinct)
    {
        Span<bool> seen = stackalloc bool[256];
        seen.Clear();
        foreach (var value in values)
            seen[value] = true;
        var entries = 0;
        for (var value = 0; value < seen.Length; value++)
        {
            if (seen[value])
                distinct[entries++] = (byte)value;
        }
        return entries;
    }

    private static void IndexFew(ReadOnlySpan<byte> values, ReadOnlySpan<byte> distinct, Span<byte> indexes)
    {
        var at = 0;
        for (; at <= values.Length - Vector256<byte>.Count; at += Vector256<byte>.Count)
        {
            var value = Vector256.Create(values[at..]);
            var index = Vector256<byte>.Zero;
            // As they ascend, a value's index is the number of entries below it.
            for (var entry = 1; entry < distinct.Length; entry++)
                index -= Vector256.GreaterThanOrEqual(value, Vector256.Create(distinct[entry]));
            index.CopyTo(indexes[at..]);
        }
        IndexMany(values[at..], distinct, indexes[at..]);
    }

    private static void IndexMany(ReadOnlySpan<byte> values, ReadOnlySpan<byte> distinct, Span<byte> indexes)
    {
        Span<byte> map = stackalloc byte[256];
        for (var entry = 0; entry < distinct.Length; entry++)
            map[distinct[entry]] = (byte)entry;
        for (var i = 0; i < values.Length; i++)
            indexes[i] = map[values[i]];
    }
}
