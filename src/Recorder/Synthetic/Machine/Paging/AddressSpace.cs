using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>A program's page tables and what the kernel notes about them.</summary>
public sealed class AddressSpace
{
    private ulong _nextArea;

    internal AddressSpace(int id, Gfn root, ulong firstArea)
    {
        Id = id;
        Root = root;
        _nextArea = firstArea;
    }

    public int Id { get; }

    /// <summary>The page CR3 points at.</summary>
    public Gfn Root { get; }

    public List<MemoryArea> Areas { get; } = [];

    /// <summary>Tables below the root, parents before children.</summary>
    internal List<LinkedTable> Tables { get; } = [];

    /// <summary>vCPUs, a bit each, that may hold stale translations of this space and must not load it without a flush.</summary>
    internal uint StaleOn { get; set; }

    public MemoryArea? Find(ulong gva)
    {
        foreach (var area in Areas)
        {
            if (area.Contains(gva))
                return area;
        }
        return null;
    }

    /// <summary>Addresses that no area has, at a multiple of <paramref name="alignment"/>.</summary>
    internal ulong Reserve(ulong bytes, ulong alignment)
    {
        var start = (_nextArea + alignment - 1) & ~(alignment - 1);
        // A guard page's worth of hole keeps neighbours apart.
        _nextArea = start + bytes + 4096;
        return start;
    }

    internal AddressSpace CopyNotes(int id, Gfn root)
    {
        var copy = new AddressSpace(id, root, _nextArea);
        copy.Areas.AddRange(Areas);
        return copy;
    }
}
