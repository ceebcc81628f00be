namespace Replay.Recorder.Synthetic;

/// <summary>
/// SplitMix64: the generator of every synthetic stream. Integer arithmetic only, so that a seed gives the same stream on any machine
/// and any runtime; the framework's own generator promises neither.
/// </summary>
public sealed class SeededRandom
{
    private ulong _state;

    public SeededRandom(ulong seed) => _state = seed;

    public ulong NextUInt64()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ (z >> 27)) * 0x94D0_49BB_1331_11EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="bound"/> - 1.</summary>
    public int Below(int bound) => (int)Below((ulong)bound);

    /// <summary>A number from 0 to <paramref name="bound"/> - 1; 0 when the bound is 0.</summary>
    public ulong Below(ulong bound) => Math.BigMul(NextUInt64(), bound, out _);

    /// <summary>True in <paramref name="percent"/> of 100 cases.</summary>
    public bool Percent(int percent) => Below(100) < percent;

    /// <summary>A generator of its own, for a part whose draws must not shift those of another part.</summary>
    public SeededRandom Fork() => new(NextUInt64());
}
