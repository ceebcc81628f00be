using System.Buffers.Binary;
using System.Runtime.Intrinsics;
using System.Text;

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

/// <summary>Numbers the distinct pairs of 64-bit values of one row group in the order they come.</summary>
/// <param name="capacity">The most pairs, at most 65,536.</param>
internal sealed class PairDictionary(int capacity)
{
    private const int SlotBits = 17;

    private const int Slots = 1 << SlotBits;

    private const ulong Multiplier = 0x9e37_79b9_7f4a_7c15;

    private readonly ulong[] _first = new ulong[capacity];
    private readonly ulong[] _second = new ulong[capacity];

    /// <summary>Slot → the generation it was filled in (high half) and the pair's number; free if of an older generation.</summary>
    private readonly ulong[] _slots = new ulong[Slots];

    private uint _generation = 1;
    private int _count;

    public ReadOnlySpan<ulong> First => _first.AsSpan(0, _count);

    public ReadOnlySpan<ulong> Second => _second.AsSpan(0, _count);

    public void Clear()
    {
        _count = 0;
        if (_generation++ != uint.MaxValue)
            return;
        Array.Clear(_slots);
        _generation = 1;
    }

    public ushort NumberOf(ulong first, ulong second)
    {
        var slot = (uint)(((first * Multiplier) ^ second) * Multiplier >> (64 - SlotBits));
        while (true)
        {
            var content = _slots[slot];
            if (content >> 32 != _generation)
                break;
            if (_first[(uint)content] == first && _second[(uint)content] == second)
                return (ushort)content;
            slot = (slot + 1) & (Slots - 1);
        }
        var number = _count++;
        _first[number] = first;
        _second[number] = second;
        _slots[slot] = ((ulong)_generation << 32) | (uint)number;
        return (ushort)number;
    }
}

/// <summary>Dictionary pages of names that are the same in every file.</summary>
internal static class TextDictionary
{
    /// <summary>The page that gives each name the index it stands at.</summary>
    public static byte[] Page(ReadOnlySpan<string> names)
    {
        using var page = new MemoryStream();
        Span<byte> length = stackalloc byte[sizeof(int)];
        foreach (var name in names)
        {
            var bytes = Encoding.UTF8.GetBytes(name);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            page.Write(length);
            page.Write(bytes);
        }
        return page.ToArray();
    }
}
