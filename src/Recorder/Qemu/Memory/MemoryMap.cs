using System.Globalization;
using System.Text.RegularExpressions;
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

/// <summary>Reads the answer of QEMU's monitor to <c>info mtree -f</c>: memory as the CPU sees it.</summary>
internal static partial class FlatView
{
    private const string SystemView = " AS \"memory\", root: system";

    /// <summary>RAM and ROM ranges of the system address space, ascending, joined where contiguous and alike.</summary>
    /// <exception cref="FormatException">The text has no such view.</exception>
    public static List<FlatRegion> Parse(string text)
    {
        var lines = text.Split('\n').Select(static line => line.TrimEnd('\r'));
        var view = lines.SkipWhile(static line => !line.StartsWith(SystemView, StringComparison.Ordinal)).ToList();
        if (view.Count == 0)
            throw new FormatException("QEMU's memory tree has no view of the address space \"memory\".");
        var regions = new List<FlatRegion>();
        foreach (var line in view.TakeWhile(static line => line.Length > 0))
        {
            if (RangePattern().Match(line) is { Success: true } match)
                Append(regions, Region(match));
        }
        return regions;
    }

    /// <summary>
    /// Reads the answer to <c>info ramblock</c>: where QEMU has each block of RAM in its own address space, by the name of its memory region. A name
    /// that several blocks have is left out.
    /// </summary>
    public static Dictionary<string, ulong> ParseBlocks(string text)
        => text.Split('\n')
            .Select(static line => BlockPattern().Match(line))
            .Where(static match => match.Success)
            .GroupBy(static match => match.Groups["name"].Value[(match.Groups["name"].Value.LastIndexOf('/') + 1)..], StringComparer.Ordinal)
            .Where(static group => group.Count() == 1)
            .ToDictionary(static group => group.Key, static group => Hex(group.First().Groups["hva"]), StringComparer.Ordinal);

    private static FlatRegion Region(Match match)
    {
        var first = Hex(match.Groups["first"]);
        return new FlatRegion(
            first,
            Hex(match.Groups["last"]) - first + 1,
            match.Groups["type"].Value != "ram",
            match.Groups["name"].Value,
            match.Groups["offset"].Success ? Hex(match.Groups["offset"]) : 0);
    }

    private static void Append(List<FlatRegion> regions, FlatRegion next)
    {
        if (regions.Count > 0 && regions[^1] is var last && last.Gpa + last.Bytes == next.Gpa && last.ReadOnly == next.ReadOnly
            && last.Name == next.Name && last.Offset + last.Bytes == next.Offset)
        {
            regions[^1] = last with { Bytes = last.Bytes + next.Bytes };
        }
        else
        {
            regions.Add(next);
        }
    }

    private static ulong Hex(Group group) => ulong.Parse(group.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^  (?<first>[0-9a-f]{16})-(?<last>[0-9a-f]{16}) \(prio -?\d+, (?<type>ram|rom|romd|ramd)\): (?<name>.*?)(?: @(?<offset>[0-9a-f]{16}))?(?: KVM)?$")]
    private static partial Regex RangePattern();

    [GeneratedRegex(@"^\s*(?<name>\S+)\s+\d+ [KMG]iB\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s+0x(?<hva>[0-9a-f]+)\s+rw\s*$")]
    private static partial Regex BlockPattern();
}

/// <summary>One RAM or ROM range of QEMU's flat view of the system address space.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Bytes">Length.</param>
/// <param name="ReadOnly">ROM, or a ROM device in read mode.</param>
/// <param name="Name">The memory region's name.</param>
/// <param name="Offset">Offset of the first byte in the region's backing.</param>
internal readonly record struct FlatRegion(ulong Gpa, ulong Bytes, bool ReadOnly, string Name, ulong Offset);
