using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>
/// The addresses a random guest plays with: a few entries at each level, so that they meet each other often. The root entries are none
/// that the kernel or the programs' code need.
/// </summary>
internal sealed class RandomWindow
{

    private readonly PagingFormat _format;
    private readonly RandomFrames _frames;

    public RandomWindow(PagingFormat format, RandomFrames frames, SeededRandom random)
    {
        _format = format;
        _frames = frames;
        TopIndexes = format.Mode switch
        {
            SyntheticPaging.Off => [],
            SyntheticPaging.TwoLevel => [64, 65, 700],
            SyntheticPaging.Pae => [1, 2],
            _ => [1, 2 + random.Below(200), 255],
        };
    }

    /// <summary>Entries of the root that are the window's.</summary>
    public IReadOnlyList<int> TopIndexes { get; }

    /// <summary>Entries in use in every table below the root.</summary>
    public static IReadOnlyList<int> Hot { get; } = [0, 1, 2, 511];

    public static int HotIndex(SeededRandom random) => Hot[random.Below(Hot.Count)];

    /// <summary>An address: any of the window, or with paging off any of the frames.</summary>
    public ulong Address(SeededRandom random)
    {
        if (_format.Mode == SyntheticPaging.Off)
            return _frames.Start.Value + (random.Below(_frames.Bytes / 8) * 8);
        var gva = (ulong)TopIndexes[random.Below(TopIndexes.Count)] << _format.Shift(_format.Levels);
        for (var level = _format.Levels - 1; level >= 1; level--)
            gva |= (ulong)HotIndex(random) << _format.Shift(level);
        // Offsets that are hot entries, should the page be a table.
        var offset = (ulong)(HotIndex(random) * _format.EntryBytes) & 0xff8;
        return _format.Canonical(gva | offset);
    }

    /// <summary>
    /// The addresses of a space that the entry <paramref name="index"/> of a last-level table translates; null where they are more than
    /// <paramref name="most"/>.
    /// </summary>
    public List<ulong>? AddressesOf(MachineMemory memory, AddressSpace space, ulong table, int index, int most)
    {
        var found = new List<ulong>();
        foreach (var top in TopIndexes)
        {
            if (!Search(memory, new Goal(table, index, most, found), space.Root.Base.Value, _format.Levels, top, 0))
                return null;
        }
        return found;
    }

    private bool Search(MachineMemory memory, Goal goal, ulong table, int level, int index, ulong prefix)
    {
        var gva = prefix | ((ulong)index << _format.Shift(level));
        if (level == 1)
        {
            if (table == goal.Table && index == goal.Index)
                goal.Found.Add(_format.Canonical(gva));
            return goal.Found.Count <= goal.Most;
        }
        var entry = new Gpte(memory.Read(new Trace.Gpa(table + (ulong)(index * _format.EntryBytes)), _format.EntryBytes));
        if (!entry.IsPresent)
            return true;
        foreach (var next in Hot)
        {
            if (!Search(memory, goal, entry.Raw & _format.AddressMask, level - 1, next, gva))
                return false;
        }
        return true;
    }

    private readonly record struct Goal(ulong Table, int Index, int Most, List<ulong> Found);
}
