namespace Replay.Analyzer.Store.Summaries;

/// <summary>Something of each guest frame, in arrays of 256 KiB of guest memory: of frames near each other, which writes mostly are, found at once.</summary>
internal sealed class FrameTable<T>
    where T : struct
{
    private const int RegionShift = 6;
    private const ulong RegionMask = (1UL << RegionShift) - 1;

    private readonly Dictionary<ulong, T[]> _regions = [];
    private ulong _lastRegion = ulong.MaxValue;
    private T[] _last = [];

    /// <summary>Of all frames of the regions that were ever asked for.</summary>
    public IEnumerable<(ulong Gfn, T Value)> All
    {
        get
        {
            foreach (var (region, values) in _regions)
            {
                for (var i = 0; i < values.Length; i++)
                    yield return (region << RegionShift | (uint)i, values[i]);
            }
        }
    }

    public ref T this[ulong gfn]
    {
        get
        {
            var region = gfn >> RegionShift;
            if (region != _lastRegion)
            {
                if (!_regions.TryGetValue(region, out var values))
                    _regions[region] = values = new T[1 << RegionShift];
                _lastRegion = region;
                _last = values;
            }

            return ref _last[gfn & RegionMask];
        }
    }
}
