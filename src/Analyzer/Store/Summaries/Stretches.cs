namespace Replay.Analyzer.Store.Summaries;

/// <summary>
/// How a run is cut into stretches: 2^shift ordinals each, from ordinal 0, so that the stretches of all runs of a capture begin at the
/// same ordinals. Whoever counts doubles the width when there would be too many.
/// </summary>
internal static class Stretches
{
    /// <summary>Reports merge stretches into as many steps as they are asked for: 1000 are fine enough for any screen.</summary>
    public const int Most = 1024;

    /// <summary>Doublings until the stretch of <paramref name="ordinal"/> is one of the <see cref="Most"/>.</summary>
    public static int Doublings(long ordinal, int shift)
    {
        var doublings = 0;
        while (ordinal >> (shift + doublings) >= Most)
            doublings++;
        return doublings;
    }
}
