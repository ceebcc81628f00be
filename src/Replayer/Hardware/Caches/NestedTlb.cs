using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Hardware;

/// <summary>
/// Remembers where walks of the second dimension ended that found everything in place: the same walk would end there again and set no
/// bit. Most walks are for entries of the guest's tables, which few pages hold. Direct-mapped; emptied in one step by moving on to the
/// next generation as soon as an entry that was not zero has been written.
/// </summary>
/// <remarks>
/// <code>
/// key    63..12        11..4             3..2     1..0
///        page of gpa   generation 1-255  purpose  kind of access
/// value  63..12        11..0
///        page of hpa   entries that the walk read
/// </code>
/// The whole page number is in the key, and a generation is used again only after all slots were cleared: nothing can alias.
/// </remarks>
internal sealed class NestedTlb(TableWriter writer)
{
    private const int Slots = 1024;
    private const int PurposeShift = 2;
    private const ulong PageMask = ~0xfffUL;
    private const ulong FirstGeneration = 1UL << 4;
    private const ulong LastGeneration = 255UL << 4;

    private readonly Slot[] _slots = new Slot[Slots];
    private ulong _generation = FirstGeneration;
    private long _epoch;

    /// <summary>Finds a walk.</summary>
    /// <param name="gpa">Where it started.</param>
    /// <param name="access">For what.</param>
    /// <param name="hpa">Where it ended.</param>
    /// <param name="references">Entries that it read.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ulong gpa, in GpaAccess access, out ulong hpa, out int references)
    {
        if (_epoch != writer.TranslationEpoch)
            Flush();
        ref var slot = ref At(gpa, access);
        hpa = (slot.Value & PageMask) | (gpa & ~PageMask);
        references = (int)(slot.Value & ~PageMask);
        return slot.Key == Key(gpa, access);
    }

    /// <summary>Keeps a walk that ended at a page and set all its bits.</summary>
    public void Fill(ulong gpa, in GpaAccess access, ulong hpa, int references)
    {
        if (_epoch == writer.TranslationEpoch)
            At(gpa, access) = new Slot { Key = Key(gpa, access), Value = (hpa & PageMask) | (uint)references };
    }

    /// <summary>Forgets everything.</summary>
    public void Flush()
    {
        _epoch = writer.TranslationEpoch;
        _generation += FirstGeneration;
        if (_generation <= LastGeneration)
            return;
        Array.Clear(_slots);
        _generation = FirstGeneration;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Sort(in GpaAccess access) => (uint)access.Purpose << PurposeShift | (uint)access.Kind;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Key(ulong gpa, in GpaAccess access) => (gpa & PageMask) | _generation | Sort(access);

    /// <summary>Kinds and purposes of one page lie apart, neighbouring pages side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Slot At(ulong gpa, in GpaAccess access) => ref Unsafe.Add(
        ref MemoryMarshal.GetArrayDataReference(_slots), ((uint)(gpa >> 12) + (Sort(access) * 0x55)) & (Slots - 1));

    private struct Slot
    {
        public ulong Key;
        public ulong Value;
    }
}
