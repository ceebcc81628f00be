namespace Replay.Trace.Columns;

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
