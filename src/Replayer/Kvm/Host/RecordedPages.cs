using Replay.Trace;

namespace Replay.Replayer.Kvm.Host;

/// <summary>The host's pages as a trace showed them, fault by fault.</summary>
internal sealed class RecordedPages
{
    private const int PfnShift = 3;
    private const ulong WritableBit = 1;
    private const ulong HugeBit = 2;
    private const int RegionShift = 9;

    /// <summary>By gfn: the frame, and whether it is writable and part of a huge page.</summary>
    private readonly Dictionary<ulong, ulong> _pages = [];

    /// <summary>Frames that the answer for the access at hand names: what KVM can have beside the page asked for.</summary>
    private ulong[] _answered = [];

    /// <summary>Ranges that the host still has to invalidate before it answers: address and length.</summary>
    private ulong[] _pending = [];

    private int _level = 1;

    /// <summary>The access that comes next faults, if it does, with this answer.</summary>
    public void Take(HostAnswer answer)
    {
        _level = answer.Level;
        _answered = [.. answer.Pages.Select(page => page.Gfn).Order()];
        _pending = [.. (answer.Invalidated ?? []).SelectMany(range => (ulong[])[range.Gpa, range.Length])];
        _next = answer;
    }

    /// <summary>Nothing is expected of the host: what is asked was not asked in the trace.</summary>
    public void TakeNone() => Take(new HostAnswer());

    private HostAnswer _next = new();

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
        foreach (var page in _next.Pages)
        {
            if (_level > 1)
                SetHuge(page);
            else
                _pages[page.Gfn] = page.Pfn << PfnShift | (page.Writable ? WritableBit : 0);
        }
    }

    public bool TryGet(ulong gfn, out ulong pfn, out bool writable)
    {
        var found = _pages.TryGetValue(gfn, out var page);
        (pfn, writable) = (page >> PfnShift, (page & WritableBit) != 0);
        return found;
    }

    public bool IsAnswered(ulong gfn) => Array.BinarySearch(_answered, gfn) >= 0;

    public int Level(ulong gfn) => _pages.TryGetValue(gfn, out var page) && (page & HugeBit) != 0 ? 2 : 1;

    /// <summary>The host took the range away.</summary>
    public void Forget(ulong firstGfn, ulong endGfn)
    {
        if (endGfn - firstGfn > (ulong)_pages.Count)
        {
            foreach (var gfn in _pages.Keys.Where(gfn => gfn >= firstGfn && gfn < endGfn).ToList())
                _pages.Remove(gfn);
            return;
        }

        for (var gfn = firstGfn; gfn < endGfn; gfn++)
            _pages.Remove(gfn);
    }

    private void SetHuge(HostPage page)
    {
        var first = page.Gfn >> RegionShift << RegionShift;
        var firstPfn = page.Pfn - (page.Gfn - first);
        for (var i = 0UL; i < HostRegion.PageCount; i++)
            _pages[first + i] = (firstPfn + i) << PfnShift | HugeBit | (page.Writable ? WritableBit : 0);
    }
}
