namespace Replay.Analyzer.Locality;

/// <summary>
/// How many other pages were accessed since the last access to the same one: the distance in an LRU stack, so that a fully associative cache
/// with LRU replacement and more places than that holds the page.
/// </summary>
/// <remarks>
/// Bennett and Kruskal, <i>LRU Stack Processing</i> (1975): each page is marked at the time of its last access; the distance is the number of
/// marks behind it, which a Fenwick tree counts in logarithmic time. When the times are used up, the marks are moved together.
/// </remarks>
public sealed class ReuseDistances
{
    private const int FewTimes = 1 << 12;

    private readonly Dictionary<ulong, int> _last = [];
    private int[] _tree = new int[FewTimes + 1];
    private ulong[] _pages = new ulong[FewTimes + 1];
    private bool[] _isMarked = new bool[FewTimes + 1];
    private int _now;

    /// <summary>Different pages so far.</summary>
    public int Pages => _last.Count;

    /// <summary>Notes an access.</summary>
    /// <returns>Different pages accessed since the last access to this one; -1: it is the first.</returns>
    public long Access(ulong page)
    {
        if (_now == _tree.Length - 1)
            MoveTogether();
        var distance = -1L;
        if (_last.TryGetValue(page, out var last))
        {
            if (last == _now)
                return 0;
            distance = _last.Count - CountTo(last);
            Mark(last, -1);
            _isMarked[last] = false;
        }

        _now++;
        _last[page] = _now;
        _pages[_now] = page;
        _isMarked[_now] = true;
        Mark(_now, 1);
        return distance;
    }

    private void Mark(int time, int change)
    {
        for (; time < _tree.Length; time += time & -time)
            _tree[time] += change;
    }

    /// <summary>Marks up to a time.</summary>
    private int CountTo(int time)
    {
        var count = 0;
        for (; time > 0; time -= time & -time)
            count += _tree[time];
        return count;
    }

    /// <summary>The times are used up: the last accesses get the first times, in their order.</summary>
    private void MoveTogether()
    {
        var marks = 0;
        for (var time = 1; time <= _now; time++)
        {
            if (!_isMarked[time])
                continue;
            marks++;
            _pages[marks] = _pages[time];
            _last[_pages[marks]] = marks;
        }

        _now = marks;
        var times = Math.Max(FewTimes, marks * 4);
        Array.Resize(ref _pages, times + 1);
        _isMarked = new bool[times + 1];
        _isMarked.AsSpan(1, marks).Fill(true);
        _tree = new int[times + 1];
        for (var time = 1; time <= times; time++)
        {
            _tree[time] += time <= marks ? 1 : 0;
            var above = time + (time & -time);
            if (above <= times)
                _tree[above] += _tree[time];
        }
    }
}
