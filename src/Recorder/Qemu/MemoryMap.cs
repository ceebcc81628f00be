using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Memslots as QEMU would register them with KVM for its flat view, and how they change with it.</summary>
/// <param name="ramName">The name of guest RAM's memory region.</param>
internal sealed class MemoryMap(string ramName)
{
    private const ulong PageMask = 0xfff;
    private const ulong HugeFrame = 1UL << 30;

    private readonly SortedDictionary<int, FlatRegion> _slots = [];
    private readonly List<MemslotChange> _history = [];

    private IReadOnlyDictionary<string, ulong> _blocks = new Dictionary<string, ulong>();

    /// <summary>Takes a new flat view; what changed, deletions first.</summary>
    /// <param name="view">The regions.</param>
    /// <param name="blocks">Where QEMU has the blocks of RAM behind them, by name.</param>
    public List<WireMemslot> Update(IEnumerable<FlatRegion> view, IReadOnlyDictionary<string, ulong>? blocks = null)
    {
        _blocks = blocks ?? _blocks;
        var wanted = view.Select(PageAligned).Where(static region => region.Bytes > 0).ToHashSet();
        var changes = new List<WireMemslot>();
        foreach (var (slot, region) in _slots.Where(entry => !wanted.Contains(entry.Value)).ToList())
        {
            _slots.Remove(slot);
            changes.Add(Record(slot, region with { Bytes = 0 }));
        }
        wanted.ExceptWith(_slots.Values);
        foreach (var region in wanted.OrderBy(static region => region.Gpa))
        {
            var slot = Enumerable.Range(0, WireFormat.MaxMemslots).FirstOrDefault(number => !_slots.ContainsKey(number), WireFormat.MaxMemslots);
            if (slot == WireFormat.MaxMemslots)
                throw new RecorderException(RecorderFailure.SourceFailed, $"The guest has its memory in more than {WireFormat.MaxMemslots} pieces: no more memslots can be recorded.");
            _slots.Add(slot, region);
            changes.Add(Record(slot, region));
        }
        return changes;
    }

    /// <summary>The document of a memslot that a record names.</summary>
    public MemslotChange Describe(int slot, ulong gpa, ulong bytes)
        => _history.FindLast(change => change.Slot == slot && change.Gpa == gpa && change.Size == bytes)
            ?? new MemslotChange { Slot = slot, Gpa = gpa, Size = bytes };

    private static FlatRegion PageAligned(FlatRegion region)
    {
        // KVM takes whole pages only; QEMU leaves out the rest.
        var start = (region.Gpa + PageMask) & ~PageMask;
        var end = (region.Gpa + region.Bytes) & ~PageMask;
        return end <= start ? region with { Bytes = 0 } : region with { Gpa = start, Bytes = end - start, Offset = region.Offset + (start - region.Gpa) };
    }

    private WireMemslot Record(int slot, FlatRegion region)
    {
        // QEMU aligns each backing to 2 MiB at least, so that an offset in it is an offset in a huge frame.
        _history.Add(new MemslotChange
        {
            Slot = slot,
            Gpa = region.Gpa,
            Size = region.Bytes,
            ReadOnly = region.ReadOnly,
            HvaOffset = region.Offset % HugeFrame,
            Name = region.Name,
        });
        var flags = (region.ReadOnly ? WireFormat.MemslotReadOnly : 0) | (region.Name == ramName ? WireFormat.MemslotGuestRam : 0);
        var host = region.Bytes > 0 && region.Name != ramName && _blocks.TryGetValue(region.Name, out var block) ? block + region.Offset : 0;
        return new WireMemslot(region.Gpa, region.Bytes, region.Offset, host, (uint)slot, flags);
    }
}
