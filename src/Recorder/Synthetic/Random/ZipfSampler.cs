namespace Replay.Recorder.Synthetic;

/// <summary>
/// Draws numbers from 0 to n - 1, number k with a weight of 1 / (k + 1). Walker's alias method on integers, so that the draws do not
/// depend on a machine's floating point.
/// </summary>
public sealed class ZipfSampler
{
    private readonly uint[] _thresholds;
    private readonly int[] _aliases;

    /// <param name="count">How many numbers there are, at most 2^24.</param>
    public ZipfSampler(int count)
    {
        _thresholds = new uint[count];
        _aliases = new int[count];
        // Scaled so that the mean is the same integer for every slot: weight * count against the sum of weights.
        var scaled = new ulong[count];
        var total = 0UL;
        for (var i = 0; i < count; i++)
        {
            var weight = (1UL << 32) / (ulong)(i + 1);
            total += weight;
            scaled[i] = weight * (ulong)count;
        }
        Fill(scaled, total);
    }

    public int Next(SeededRandom random)
    {
        var draw = random.NextUInt64();
        var slot = (int)Math.BigMul(draw & 0xffff_ffff_0000_0000, (ulong)_thresholds.Length, out _);
        return (uint)draw < _thresholds[slot] ? slot : _aliases[slot];
    }

    private void Fill(ulong[] scaled, ulong mean)
    {
        var small = new Stack<int>();
        var large = new Stack<int>();
        for (var i = 0; i < scaled.Length; i++)
            (scaled[i] < mean ? small : large).Push(i);
        while (small.TryPop(out var under))
        {
            if (!large.TryPop(out var over))
            {
                Settle(under);
                continue;
            }
            _thresholds[under] = (uint)(((UInt128)scaled[under] << 32) / mean);
            _aliases[under] = over;
            scaled[over] -= mean - scaled[under];
            (scaled[over] < mean ? small : large).Push(over);
        }
        while (large.TryPop(out var rest))
            Settle(rest);
    }

    private void Settle(int slot)
    {
        _thresholds[slot] = uint.MaxValue;
        _aliases[slot] = slot;
    }
}
