using Replay.Trace;

namespace Replay.Replayer.Kvm.Host;

/// <summary>The host's pages as a trace showed them, fault by fault.</summary>
internal sealed class RecordedPages
{
    private const int PfnShift = 1;
    private const ulong WritableBit = 1;
    private const int Levels = 3;

    /// <summary>By level, and there by the number of the page of that size: its first frame, and whether it is writable.</summary>
    private readonly Dictionary<ulong, ulong>[] _pages = [[], [], []];

    /// <summary>Frames that the answer for the access at hand names: what KVM can have beside the page asked for.</summary>
    private ulong[] _answered = [];

    /// <summary>Ranges that the host still has to invalidate before it answers: address and length.</summary>
    private ulong[] _pending = [];

    /// <summary>The answer itself: gfn, frame, and 1 where it is writable.</summary>
    private ulong[] _next = [];

    private int _level = 1;

    /// <summary>The access that comes next faults, if it does, with this answer.</summary>
    public void Take(HostAnswer answer)
    {
        _level = Math.Clamp(answer.Level, 1, Levels);
        _next = [.. answer.Pages.SelectMany(page => (ulong[])[page.Gfn, page.Pfn, page.Writable ? WritableBit : 0])];
        _answered = [.. answer.Pages.Select(page => page.Gfn).Order()];
        _pending = [.. (answer.Invalidated ?? []).SelectMany(range => (ulong[])[range.Gpa, range.Length])];
    }

    /// <summary>The ranges to invalidate before the answer holds; each is given once.</summary>
    public bool TryPending(out ulong gpa, out ulong length)
    {
        gpa = length = 0;
        if (_pending.Length == 0)
            return false;
        (gpa, length) = (_pending[0], _pending[1]);
        _pending = _pending[2..];
        return true;
    }

    /// <summary>The answer holds from here on.</summary>
    public void Settle()
    {
        var shift = PageLevels.GfnShift(_level);
        for (var i = 0; i < _next.Length; i += 3)
            _pages[_level - 1][_next[i] >> shift] = _next[i + 1] - (_next[i] & ((1UL << shift) - 1)) << PfnShift | _next[i + 2];
    }

    public bool TryGet(ulong gfn, out ulong pfn, out bool writable)
    {
        for (var level = 1; level <= Levels; level++)
        {
            var shift = PageLevels.GfnShift(level);
            if (!_pages[level - 1].TryGetValue(gfn >> shift, out var page))
                continue;
            (pfn, writable) = ((page >> PfnShift) + (gfn & ((1UL << shift) - 1)), (page & WritableBit) != 0);
            return true;
        }

        (pfn, writable) = (0, false);
        return false;
    }

    public bool IsAnswered(ulong gfn) => Array.BinarySearch(_answered, gfn) >= 0;

    public int Level(ulong gfn)
    {
        for (var level = 1; level <= Levels; level++)
        {
            if (_pages[level - 1].ContainsKey(gfn >> PageLevels.GfnShift(level)))
                return level;
        }

        return 1;
    }

    /// <summary>The host took the range away, and every page that it meets.</summary>
    public void Forget(ulong firstGfn, ulong endGfn)
    {
        for (var level = 1; level <= Levels; level++)
        {
            var shift = PageLevels.GfnShift(level);
            var (first, last) = (firstGfn >> shift, endGfn - 1 >> shift);
            var pages = _pages[level - 1];
            if (last - first >= (ulong)pages.Count)
            {
                foreach (var number in pages.Keys.Where(number => number >= first && number <= last).ToList())
                    pages.Remove(number);
                continue;
            }

            for (var number = first; number <= last; number++)
                pages.Remove(number);
        }
    }
}
