using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// Remembers walks whose repetition would change nothing: the entries are permitted, their A and D bits set, and the page is plain RAM
/// that is no page table (or the access no write). Emptied by everything that could change a walk, so it cannot be seen in the stream.
/// </summary>
internal sealed class TranslationCache
{
    private readonly Entry[] _entries;
    private readonly int _shift;
    private uint _generation = 1;

    /// <param name="entries">A power of two, at least 2.</param>
    public TranslationCache(int entries)
    {
        _entries = new Entry[entries];
        _shift = 64 - int.Log2(entries);
    }

    public void Empty() => _generation++;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(ulong gva, AccessKind kind, AccessFlags privilege, out ulong gpa)
    {
        var key = Key(gva, kind, privilege);
        ref var entry = ref Slot(key);
        gpa = entry.Page | (gva & 0xfff);
        return entry.Key == key && entry.Generation == _generation;
    }

    public void Put(ulong gva, AccessKind kind, AccessFlags privilege, ulong gpa)
    {
        var key = Key(gva, kind, privilege);
        ref var entry = ref Slot(key);
        entry.Key = key;
        entry.Page = gpa & ~0xfffUL;
        entry.Generation = _generation;
    }

    // 63:56 free | 55:4 page | 3:2 kind | 1:0 user, AC
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Key(ulong gva, AccessKind kind, AccessFlags privilege)
        => ((gva >> 12) << 4) | ((ulong)kind << 2) | ((ulong)privilege & 3);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Entry Slot(ulong key) => ref _entries[(key * 0x9E37_79B9_7F4A_7C15) >> _shift];

    private struct Entry
    {
        public ulong Key;
        public ulong Page;
        public uint Generation;
    }
}
