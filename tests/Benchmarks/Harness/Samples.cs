namespace Replay.Benchmarks;

/// <summary>The outcomes of several rounds.</summary>
internal readonly record struct Samples
{
    private readonly double[] _sorted;

    public Samples(double[] values) => _sorted = [.. values.Order()];

    public double Median => _sorted[_sorted.Length / 2];

    public double Min => _sorted[0];

    public double Max => _sorted[^1];

    /// <summary>Millions a second, median (slowest to fastest), where each round did <paramref name="items"/>.</summary>
    public string Rate(double items) => $"{items / Median / 1e6:f1} M/s ({items / Max / 1e6:f1}-{items / Min / 1e6:f1})";
}
