using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Trace.Touches;

namespace Replay.Replayer.Hardware;

/// <summary>
/// Remembers for which page, kind of access and privilege a walk found everything in place: a repetition would find the same and set
/// no bit. Direct-mapped; emptied in one step by moving on to the next generation.
/// </summary>
/// <remarks>
/// <code>
/// key   63..12       11..6            5..2    1..0
///       page of gva  generation 1-63  flags   kind
/// </code>
/// The whole page number is in the key, and a generation is used again only after all slots were cleared: nothing can alias.
/// </remarks>
internal sealed class SoftwareTlb
{
    public const int Slots = TouchTable.Slots;

    private const int GenerationShift = 6;
    private const ulong PageMask = ~0xfffUL;
    private const ulong FirstGeneration = 1UL << GenerationShift;
    private const ulong LastGeneration = 63UL << GenerationShift;

    private readonly TlbEntry[] _entries = new TlbEntry[Slots];

    /// <summary>The present generation, in its place in the key.</summary>
    public ulong Generation { get; private set; } = FirstGeneration;

    public ref TlbEntry First => ref MemoryMarshal.GetArrayDataReference(_entries);

    /// <summary>Kind and flags of an access in their place in the key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint KindAndFlags(byte kind, byte flags) => TouchTable.KindAndFlags(kind, flags);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Key(ulong gva, uint kindAndFlags, ulong generation) => (gva & PageMask) | generation | kindAndFlags;

    /// <inheritdoc cref="TouchTable.Slot"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Slot(ulong gva, uint kindAndFlags) => TouchTable.Slot(gva, kindAndFlags);

    public bool Holds(ulong gva, uint kindAndFlags, ulong gpa)
    {
        ref readonly var entry = ref _entries[Slot(gva, kindAndFlags)];
        return entry.Key == Key(gva, kindAndFlags, Generation) && (entry.Gpa ^ gpa) >> 12 == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill(ulong gva, uint kindAndFlags, ulong gpa) =>
        _entries[Slot(gva, kindAndFlags)] = new TlbEntry { Key = Key(gva, kindAndFlags, Generation), Gpa = gpa & PageMask };

    /// <summary>Forgets everything.</summary>
    public void Flush()
    {
        if (Generation == LastGeneration)
        {
            Array.Clear(_entries);
            Generation = FirstGeneration;
            return;
        }

        Generation += FirstGeneration;
    }
}
