namespace Replay.RealKvm;

/// <summary>
/// The tracepoint <c>kvm_tdp_mmu_spte_changed</c> tells frame and level of an entry, not its table, and there can be several trees: a root that was invalidated and its successor, or one
/// for a nested guest. The probes before it tell the tree.
/// </summary>
internal sealed class TdpTrees
{
    private readonly Dictionary<ulong, ulong> _treeOf = [];
    private readonly Dictionary<(ulong Tree, int Level, ulong Gfn), ulong> _tables = [];
    private ulong? _current;

    public void See(RawEvent e)
    {
        switch (e.Name)
        {
            case "tdp_init_sp":
                var table = Host.Physical(e["spt"]) >> 12;
                var parent = e["ptep"];
                var tree = parent != 0 && _treeOf.TryGetValue(Host.Physical(parent) >> 12, out var known) ? known : table;
                _treeOf[table] = tree;
                _tables[(tree, (int)(e["role"] & 15), e["gfn"])] = table;
                _current ??= tree;
                break;
            case "tdp_set_spte":
                Select(Host.Physical(e["sptep"]) >> 12);
                break;
            case "tdp_map":
                Select(e["root"] >> 12);
                break;
            case "tdp_zap_root" or "tdp_zap_leafs" when e.Has("spt"):
                Select(Host.Physical(e["spt"]) >> 12);
                break;
            default:
                break;
        }
    }

    /// <summary>The table page with this entry, in the tree that is being changed.</summary>
    public bool TryFind(int level, ulong gfn, out ulong table, out int index)
    {
        index = (int)(gfn >> (9 * (level - 1)) & 511);
        table = 0;
        return _current is { } tree && _tables.TryGetValue((tree, level, gfn >> (9 * level) << (9 * level)), out table);
    }

    private void Select(ulong table)
    {
        if (_treeOf.TryGetValue(table, out var tree))
            _current = tree;
    }
}
