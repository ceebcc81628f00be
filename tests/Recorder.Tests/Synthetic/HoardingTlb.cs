namespace Replay.Recorder.Tests.Synthetic;

/// <summary>
/// A TLB that never loses an entry of a page table, leaf or not, unless the architecture says it must. A guest is right with it only if
/// it flushes everywhere it has to.
/// </summary>
internal sealed class HoardingTlb
{
    private const ulong Global = 1 << 8;
    private const int AnyPcid = -1;

    private readonly Dictionary<(int Pcid, int Level, ulong Prefix), ulong> _entries = [];
    private readonly HashSet<(int Pcid, int Level, ulong Prefix)> _leaves = [];

    /// <summary>Remembers a present entry a walk met; false where another one is still remembered for the same place.</summary>
    public bool Meet(int pcid, int level, int shift, ulong gva, ulong entry, bool isLeaf)
    {
        const ulong accessedAndDirty = 0x60;
        var seen = entry & ~accessedAndDirty;
        var prefix = gva >> shift;
        foreach (var owner in new[] { pcid, AnyPcid })
        {
            if (_entries.TryGetValue((owner, level, prefix), out var known))
                return known == seen;
        }
        var key = (isLeaf && (entry & Global) != 0 ? AnyPcid : pcid, level, prefix);
        _entries[key] = seen;
        if (isLeaf)
            _leaves.Add(key);
        return true;
    }

    /// <summary>Whether something is remembered for a place that now holds nothing.</summary>
    public bool Holds(int pcid, int level, int shift, ulong gva)
        => _entries.ContainsKey((pcid, level, gva >> shift)) || _entries.ContainsKey((AnyPcid, level, gva >> shift));

    public void FlushEverything()
    {
        _entries.Clear();
        _leaves.Clear();
    }

    /// <summary>All but global entries, of every PCID.</summary>
    public void FlushNonGlobal() => Remove(key => key.Pcid != AnyPcid);

    public void FlushPcid(int pcid) => Remove(key => key.Pcid == pcid);

    /// <summary>The leaves of one address, global ones too, and all other entries of the PCID that are no leaves.</summary>
    public void FlushPage(int pcid, ulong gva, Func<int, int> shiftOf)
        => Remove(key => _leaves.Contains(key)
            ? (key.Pcid == pcid || key.Pcid == AnyPcid) && key.Prefix == gva >> shiftOf(key.Level)
            : key.Pcid == pcid);

    private void Remove(Func<(int Pcid, int Level, ulong Prefix), bool> isGone)
    {
        foreach (var key in _entries.Keys.Where(isGone).ToList())
        {
            _entries.Remove(key);
            _leaves.Remove(key);
        }
    }
}
