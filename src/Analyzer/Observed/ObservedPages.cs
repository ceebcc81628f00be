using System.Runtime.InteropServices;
using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Observed;

/// <summary>
/// Which table page a line speaks of. Lines name pages by the address of an entry, or only by level and frame; a page is known by
/// all names that lines have given it.
/// </summary>
internal sealed class ObservedPages(ObservedHost host)
{
    /// <summary>Pages of one level and frame that are remembered: the one in use, and those being torn down.</summary>
    private const int Remembered = 4;

    private const int PageShift = 12;
    private const uint InvalidBit = 1U << 11;
    private const uint DirectBit = 1U << 7;

    private readonly Dictionary<ulong, ObservedPage> _byPfn = [];
    private readonly Dictionary<(int Level, ulong Gfn), List<ObservedPage>> _byPlace = [];
    private readonly HashSet<int> _levelsInUse = [];
    private int _count;

    /// <summary>Levels of which there was a page.</summary>
    public IReadOnlySet<int> LevelsInUse => _levelsInUse;

    /// <param name="level">Its level.</param>
    /// <param name="gfn">Its frame; <see cref="Unseen.Word"/>: not known.</param>
    /// <param name="isMadeInTrace">The trace shows how it was made.</param>
    /// <param name="role">What is known of its role: beside the TDP MMU's pages there are a nested guest's, which are not direct.</param>
    /// <param name="roleMask">Which bits of it are known.</param>
    /// <param name="madeFor">Which guest the thread runs that makes it.</param>
    public ObservedPage Add(int level, ulong gfn, bool isMadeInTrace, uint role = 0, uint roleMask = 0, GuestContext madeFor = GuestContext.Unknown)
    {
        var page = new ObservedPage(++_count, level, gfn, host.IsTwoDimensional)
        {
            IsTdp = host.UsesTdpMmu && (role & DirectBit) == (roleMask & DirectBit),
            IsMadeInTrace = isMadeInTrace,
            Role = role,
            RoleMask = roleMask,
            MadeFor = madeFor,
        };
        _levelsInUse.Add(level);
        if (gfn == Unseen.Word)
            return page;
        ref var list = ref CollectionsMarshal.GetValueRefOrAddDefault(_byPlace, (level, gfn), out _);
        list ??= [];
        if (list.Count == Remembered)
        {
            var gone = list.Find(old => old.IsZapped) ?? list[0];
            list.Remove(gone);
        }

        list.Add(page);
        return page;
    }

    /// <summary>Ties a page to its host frame. Another page that was there before is gone.</summary>
    public void SetPfn(ObservedPage page, ulong pfn)
    {
        if (page.Pfn == pfn)
            return;
        page.Pfn = pfn;
        if (_byPfn.TryGetValue(pfn, out var before) && before != page)
            before.Forget();
        _byPfn[pfn] = page;
    }

    public ObservedPage? OfPfn(ulong pfn) => _byPfn.GetValueOrDefault(pfn);

    /// <summary>The page in a host frame is the TDP MMU's; of a frame that no line told of, what the host makes of guest-physical addresses.</summary>
    public bool IsTdp(ulong pfn) => OfPfn(pfn)?.IsTdp ?? host.UsesTdpMmu;

    /// <summary>The host-physical address behind an address of the kernel's map of all memory.</summary>
    public ulong Physical(ulong address) => address >= host.DirectMap ? address - host.DirectMap : address;

    /// <summary>The host frame of the page of a kernel address.</summary>
    public ulong PfnOf(ulong address) => Physical(address) >> PageShift;

    public static int Index(ulong address) => (int)(address >> 3 & 511);

    /// <summary>The newest page of a level and frame whose role agrees where both are known.</summary>
    public ObservedPage? OfRole(int level, ulong gfn, uint role, uint mask, bool zapped)
    {
        if (!_byPlace.TryGetValue((level, gfn), out var list))
            return null;
        for (var i = list.Count - 1; i >= 0; i--)
        {
            var common = mask & list[i].RoleMask & ~InvalidBit;
            if (list[i].IsZapped == zapped && ((list[i].Role ^ role) & common) == 0)
                return list[i];
        }

        return null;
    }

    /// <summary>
    /// The TDP MMU's page with the entry for a frame that held a value. Roots of different generations hold the same frames while one
    /// is torn down: the value tells which is meant.
    /// </summary>
    public ObservedPage? Holding(int level, ulong gfn, ulong value)
    {
        var shift = 9 * level;
        if (!_byPlace.TryGetValue((level, gfn >> shift << shift), out var list))
            return null;
        var index = (int)(gfn >> (shift - 9) & 511);
        ObservedPage? best = null;
        for (var i = list.Count - 1; i >= 0; i--)
        {
            var page = list[i];
            if (!page.IsTdp)
                continue;
            var held = page.Value(index);
            if (held != Unseen.Word && ((held ^ value) & ~host.HardwareBits) == 0)
                return page;
            if (best is null || (best.IsZapped && !page.IsZapped))
                best = page;
        }

        return best;
    }

    /// <summary>A page of the TDP MMU that is in use has the entry for a frame, with this value.</summary>
    public bool Holds(int level, ulong gfn, ulong value)
    {
        var shift = 9 * level;
        if (!_byPlace.TryGetValue((level, gfn >> shift << shift), out var list))
            return false;
        var index = (int)(gfn >> (shift - 9) & 511);
        return list.Exists(page => page.IsTdp && page.Value(index) is var held && held != Unseen.Word && held != 0 && ((held ^ value) & ~host.HardwareBits) == 0);
    }

    /// <summary>The page of a level and frame whose host frame is not known yet.</summary>
    public ObservedPage? WithoutPfn(int level, ulong gfn)
    {
        if (!_byPlace.TryGetValue((level, gfn), out var list))
            return null;
        for (var i = list.Count - 1; i >= 0; i--)
        {
            if (list[i] is { Pfn: Unseen.Word, IsZapped: false } page && (page.RoleMask & DirectBit) == (page.Role & DirectBit))
                return list[i];
        }

        return null;
    }
}
