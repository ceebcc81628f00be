namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// A page of 512 entries that the hardware walks. Entries are read by anyone and written only by <see cref="TableWriter"/>, the one
/// holder of a <see cref="TableWriter.Key"/>.
/// </summary>
public class TablePage(int id, ulong pfn, int level)
{
    public const int EntryCount = 512;

    private readonly ulong[] _entries = new ulong[EntryCount];

    /// <summary>Number of the page, from 1 in order of creation; never reused.</summary>
    public int Id { get; } = id;

    /// <summary>Host frame of the page.</summary>
    public ulong Pfn { get; } = pfn;

    /// <summary>1 (PT) to 5.</summary>
    public int Level { get; } = level;

    /// <summary>Entries that are not zero.</summary>
    public int NonZeroCount { get; private set; }

    public Spte this[int index] => new(_entries[index]);

    /// <summary>All 512 entries, raw.</summary>
    public ReadOnlySpan<ulong> Entries => _entries;

    internal ulong Exchange(TableWriter.Key key, int index, ulong value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ref var entry = ref _entries[index];
        var old = entry;
        entry = value;
        if (old == 0 != (value == 0))
            NonZeroCount += value == 0 ? -1 : 1;
        return old;
    }
}
