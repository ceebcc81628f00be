namespace Replay.Benchmarks;

/// <summary>The arguments after a benchmark's name: <c>--key value</c> pairs.</summary>
internal sealed class BenchmarkOptions
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <exception cref="ArgumentException">Not pairs.</exception>
    public BenchmarkOptions(ReadOnlySpan<string> arguments)
    {
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == arguments.Length)
                throw new ArgumentException($"{arguments[i]}: options are pairs of --key value.");
            _values[arguments[i][2..]] = arguments[i + 1];
        }
    }

    public string? Text(string key) => _values.GetValueOrDefault(key);

    /// <exception cref="ArgumentException">Not a number.</exception>
    public int Number(string key, int fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        return int.TryParse(text, out var number) ? number : throw new ArgumentException($"--{key} {text}: not a number.");
    }
}
