namespace Replay.Analyzer.Store;

/// <summary>What a write changed in an entry that maps a page before and after it: the bits of <c>_write_tally.changes</c>.</summary>
/// <remarks>
/// <code>
/// 10 9     8      7 6     5 4     3 2     1 0
/// r  r     frame  d d     a a     x x     w w
/// +  -            - +     - +     + -     + -
/// </code>
/// </remarks>
internal static class EntryChanges
{
    private const int WritableBit = 1;
    private const int EptExecuteBit = 2;
    private const int X86NoExecuteBit = 63;
    private const ulong Frame = 0x000f_ffff_ffff_f000;

    private readonly record struct Bits(int Accessed, int Dirty);

    private static Bits Ept => new(8, 9);

    private static Bits X86 => new(5, 6);

    /// <returns>0 where the old or the new value maps no page.</returns>
    public static int Of(in EntryClassifier entries, ulong old, ulong @new, EntryKind oldKind, EntryKind newKind)
    {
        if (!IsLeaf(oldKind) || !IsLeaf(newKind))
            return 0;
        var bits = entries.IsEpt ? Ept : X86;
        var changes = Lost(old, @new, WritableBit) << 0 | Lost(@new, old, WritableBit) << 1;
        changes |= entries.IsEpt
            ? Lost(old, @new, EptExecuteBit) << 2 | Lost(@new, old, EptExecuteBit) << 3
            : Lost(@new, old, X86NoExecuteBit) << 2 | Lost(old, @new, X86NoExecuteBit) << 3;
        changes |= Lost(@new, old, bits.Accessed) << 4 | Lost(old, @new, bits.Accessed) << 5;
        changes |= Lost(@new, old, bits.Dirty) << 6 | Lost(old, @new, bits.Dirty) << 7;
        changes |= ((old ^ @new) & Frame) != 0 ? 1 << 8 : 0;
        return changes | Lost(old, @new, 0) << 9 | Lost(@new, old, 0) << 10;
    }

    private static bool IsLeaf(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge;

    /// <summary>1: <paramref name="from"/> has the bit and <paramref name="to"/> has not.</summary>
    private static int Lost(ulong from, ulong to, int bit) => (int)((from & ~to) >> bit & 1);
}
