using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// A page of 512 entries that the hardware walks. Entries are read by anyone and written only by <see cref="TableWriter"/>, the one
/// holder of a <see cref="TableWriter.Key"/>.
/// </summary>
public class TablePage
{
    public const int EntryCount = 512;

    private readonly ulong[] _entries = new ulong[EntryCount];
    private readonly ulong _presentMask;

    /// <param name="id">Its number.</param>
    /// <param name="pfn">Its frame.</param>
    /// <param name="level">Its level.</param>
    /// <param name="empty">What its entries hold.</param>
    /// <param name="presentMask">The bit of its entries that says that they hold something for the CPU.</param>
    public TablePage(int id, ulong pfn, int level, ulong empty = 0, ulong presentMask = Spte.MmuPresentMask)
    {
        _presentMask = presentMask;
        Id = id;
        Pfn = pfn;
        Level = level;
        Empty = new Spte(empty);
        if (empty != 0)
            Array.Fill(_entries, empty);
    }

    /// <summary>Number of the page, from 1 in order of creation; never reused.</summary>
    public int Id { get; }

    /// <summary>Host frame of the page.</summary>
    public ulong Pfn { get; }

    /// <summary>Whose translations it holds; unknown of what serves several.</summary>
    public GuestContext Context { get; init; }

    /// <summary>1 (PT) to 5.</summary>
    public int Level { get; }

    /// <summary>What an entry holds that holds nothing.</summary>
    public Spte Empty { get; }

    /// <summary>Entries that hold something.</summary>
    public int FilledCount { get; private set; }

    public Spte this[int index] => new(_entries[index]);

    /// <summary>An entry of this page maps memory or points at a table.</summary>
    /// <remarks>KVM: is_shadow_present_pte().</remarks>
    public bool IsPresent(Spte entry) => (entry.Raw & _presentMask) != 0;

    /// <summary>All 512 entries, raw.</summary>
    public ReadOnlySpan<ulong> Entries => _entries;

    internal ulong Exchange(TableWriter.Key key, int index, ulong value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ref var entry = ref _entries[index];
        var old = entry;
        entry = value;
        var empty = Empty.Raw;
        if (old == empty != (value == empty))
            FilledCount += value == empty ? -1 : 1;
        return old;
    }
}
