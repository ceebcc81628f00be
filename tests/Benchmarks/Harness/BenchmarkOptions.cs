using System.Text.RegularExpressions;

namespace Replay.Benchmarks;

/// <summary>The arguments after a benchmark's name: <c>--key value</c> pairs.</summary>
internal sealed partial class BenchmarkOptions
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <param name="arguments">The pairs.</param>
    /// <param name="description">Names every option that the benchmark has.</param>
    /// <exception cref="ArgumentException">Not pairs, or of an option that the benchmark does not have.</exception>
    public BenchmarkOptions(ReadOnlySpan<string> arguments, string description)
    {
        var known = Of(description);
        for (var i = 0; i < arguments.Length; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == arguments.Length)
                throw new ArgumentException($"{arguments[i]}: options are pairs of --key value.");
            if (!known.Contains(arguments[i]))
                throw new ArgumentException($"{arguments[i]}: no option of this benchmark, which has {string.Join(", ", known.Order(StringComparer.Ordinal))}.");
            _values[arguments[i][2..]] = arguments[i + 1];
        }
    }

    /// <summary>The options that a benchmark's description names.</summary>
    public static HashSet<string> Of(string description) => [.. Option().Matches(description).Select(match => match.Value)];

    [GeneratedRegex("--[a-z]+")]
    private static partial Regex Option();

    public string? Text(string key) => _values.GetValueOrDefault(key);

    /// <exception cref="ArgumentException">Not a number.</exception>
    public int Number(string key, int fallback)
    {
        if (Text(key) is not { } text)
            return fallback;
        return int.TryParse(text, out var number) ? number : throw new ArgumentException($"--{key} {text}: not a number.");
    }
}
