namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Goes through the lists of a range of gfns that are not empty, level by level upwards.</summary>
/// <remarks>KVM: struct slot_rmap_walk_iterator.</remarks>
internal ref struct SlotRmapWalk
{
    private readonly MemslotRmaps _rmaps;
    private readonly int _endLevel;
    private readonly ulong _startGfn;
    private readonly ulong _endGfn;
    private int _level;
    private Span<int> _heads;
    private int _index;

    /// <param name="slot">The slot.</param>
    /// <param name="startLevel">First level.</param>
    /// <param name="endLevel">Last level.</param>
    /// <param name="startGfn">First gfn.</param>
    /// <param name="endGfn">The gfn behind the last.</param>
    public SlotRmapWalk(Memslot slot, int startLevel, int endLevel, ulong startGfn, ulong endGfn)
    {
        _rmaps = slot.Rmaps;
        _endLevel = endLevel;
        _startGfn = startGfn;
        _endGfn = endGfn;
        _level = startLevel - 1;
        _index = -1;
    }

    /// <summary>Head of the list reached.</summary>
    public readonly ref int Head => ref _heads[_index];

    public bool MoveNext()
    {
        if (_startGfn >= _endGfn)
            return false;
        while (true)
        {
            var next = _heads[(_index + 1)..].IndexOfAnyExcept(0);
            if (next >= 0)
            {
                _index += next + 1;
                return true;
            }

            if (++_level > _endLevel)
                return false;
            _heads = _rmaps.Heads(_startGfn, _endGfn, _level);
            _index = -1;
        }
    }
}
