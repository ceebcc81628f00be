using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>What the tables that are alive at the end of a run hold: which guest frames are mapped to which host frames.</summary>
/// <param name="alive">By table number.</param>
internal sealed class FinalMappings(bool[] alive)
{
    private const int EntriesPerTable = 512;
    private const ulong FrameMask = 0x000f_ffff_ffff_f000;

    private readonly Leaf[]?[] _tables = new Leaf[]?[alive.Length];

    public void Set(int table, int index, int level, EntryKind kind, ulong gfn, ulong value)
    {
        if ((uint)table >= (uint)alive.Length || !alive[table])
            return;
        var isLeaf = kind is EntryKind.Page or EntryKind.Huge;
        if (_tables[table] is not { } entries)
        {
            if (!isLeaf)
                return;
            entries = _tables[table] = new Leaf[EntriesPerTable];
        }

        entries[index & (EntriesPerTable - 1)] = isLeaf ? new Leaf(gfn, (value & FrameMask) | (uint)level) : default;
    }

    /// <summary>Stretches of guest frames in ascending order, each mapped to host frames in a row; no frame is in two of them.</summary>
    public List<MappedFrames> Stretches()
    {
        var leaves = new List<MappedFrames>();
        foreach (var entries in _tables)
        {
            foreach (var leaf in entries ?? [])
            {
                if (leaf.Value != 0)
                    leaves.Add(new MappedFrames(leaf.Gfn, 1UL << (9 * ((int)(leaf.Value & 7) - 1)), (leaf.Value & FrameMask) >> 12));
            }
        }

        leaves.Sort(static (left, right) => left.Gfn.CompareTo(right.Gfn));
        var stretches = new List<MappedFrames>();
        foreach (var leaf in leaves)
            Append(stretches, leaf);
        return stretches;
    }

    /// <summary>A frame mapped twice, as shadow tables do it, counts once.</summary>
    private static void Append(List<MappedFrames> stretches, MappedFrames leaf)
    {
        if (stretches.Count == 0)
        {
            stretches.Add(leaf);
            return;
        }

        var last = stretches[^1];
        if (leaf.End <= last.End)
            return;
        if (leaf.Gfn < last.End)
            leaf = leaf.From(last.End);
        if (leaf.Gfn == last.End && leaf.Pfn == last.Pfn + last.Count)
            stretches[^1] = last with { Count = last.Count + leaf.Count };
        else
            stretches.Add(leaf);
    }

    /// <summary>The level is kept in the entry's low bits, which a frame does not use.</summary>
    private readonly record struct Leaf(ulong Gfn, ulong Value);
}

/// <summary>Guest frames in a row, mapped to host frames in a row.</summary>
/// <param name="Gfn">The first guest frame.</param>
/// <param name="Count">How many.</param>
/// <param name="Pfn">The first host frame.</param>
internal readonly record struct MappedFrames(ulong Gfn, ulong Count, ulong Pfn)
{
    public ulong End => Gfn + Count;

    /// <summary>The same without the frames before <paramref name="gfn"/>.</summary>
    public MappedFrames From(ulong gfn) => new(gfn, End - gfn, Pfn + (gfn - Gfn));
}
