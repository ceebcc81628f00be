namespace Replay.Recorder.Synthetic.Machine;

/// <summary>
/// A root entry that points at the root itself makes every table of the space appear in it: the entry for an address stands at a place
/// that can be computed from the address alone. One step through the self entry per level shows that level's table as a page.
/// </summary>
internal sealed class SelfMap
{
    private readonly PagingFormat _format;
    private readonly ulong _base;

    /// <param name="format">The paging mode.</param>
    /// <param name="start">First address of the self entry's range.</param>
    public SelfMap(PagingFormat format, ulong start)
    {
        _format = format;
        _base = start;
    }

    public ulong AddressOf(EntryPlace place)
    {
        var width = (1UL << _format.Shift(_format.Levels + 1)) - 1;
        var window = (1UL << _format.Shift(_format.Levels)) - 1;
        var entryShift = int.Log2(_format.EntryBytes);
        var address = place.Gva & width;
        for (var step = 0; step < place.Level; step++)
        {
            var page = address >> 12;
            address = (_base & width & ~window) | (page << entryShift);
        }
        return _format.Canonical(address | (place.Gpa.Value & 0xfff));
    }
}
