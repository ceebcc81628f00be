namespace Replay.Trace.Columns;

/// <summary>Numbers the distinct 64-bit values of one row group in the order they come.</summary>
internal sealed class WideDictionary
{
    /// <summary>As many as indexes of 16 bits can tell apart.</summary>
    public const int MaxEntries = 1 << 16;

    private const int Slots = 2 * MaxEntries;

    /// <summary>Fibonacci hashing: 2^64 over the golden ratio.</summary>
    private const ulong Multiplier = 0x9e37_79b9_7f4a_7c15;

    private readonly ulong[] _entries = new ulong[MaxEntries];

    /// <summary>
    /// Slot → the generation it was filled in (high half) and the index of its entry (low half). A slot of an older generation is free,
    /// so that starting anew costs nothing.
    /// </summary>
    private readonly ulong[] _slots = new ulong[Slots];

    private uint _generation = 1;

    public int Count { get; private set; }

    public ReadOnlySpan<ulong> Entries => _entries.AsSpan(0, Count);

    public void Clear()
    {
        Count = 0;
        if (_generation++ != uint.MaxValue)
            return;
        Array.Clear(_slots);
        _generation = 1;
    }

    /// <summary>Whether there are at most <see cref="MaxEntries"/> distinct values.</summary>
    public bool Fits(ReadOnlySpan<ulong> values, int shift)
    {
        Clear();
        var last = 0UL;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i] >> shift;
            if (i > 0 && value == last)
                continue;
            last = value;
            if (Count == MaxEntries)
                return false;
            IndexOf(value);
        }
        return true;
    }

    /// <summary>Looks up the value <paramref name="values"/>[i] &gt;&gt; <paramref name="shift"/> for each i.</summary>
    public void Index(ReadOnlySpan<ulong> values, int shift, Span<ushort> indexes)
    {
        Clear();
        var last = 0UL;
        ushort lastIndex = 0;
        if (!values.IsEmpty)
        {
            last = values[0] >> shift;
            lastIndex = IndexOf(last);
        }
        for (var i = 0; i < values.Length; i++)
        {
            // Neighbours mostly touch the same page.
            var value = values[i] >> shift;
            if (value != last)
            {
                last = value;
                lastIndex = IndexOf(value);
            }
            indexes[i] = lastIndex;
        }
    }

    private ushort IndexOf(ulong value)
    {
        var slot = (uint)((value * Multiplier) >> (64 - 17));
        while (true)
        {
            var content = _slots[slot];
            if (content >> 32 != _generation)
                return Add(slot, value);
            if (_entries[(uint)content] == value)
                return (ushort)content;
            slot = (slot + 1) & (Slots - 1);
        }
    }

    private ushort Add(uint slot, ulong value)
    {
        var index = Count++;
        _entries[index] = value;
        _slots[slot] = ((ulong)_generation << 32) | (uint)index;
        return (ushort)index;
    }
}
