using Replay.Analyzer.Conformance;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>
/// The score of each case: <c>amd/npt/cr3.4k writes 407/407+0 operations 572/572+0 tables 3505/3505+0</c>, matched of seen, and the
/// model's extra items. A floor: no score may be lower, and one that is higher must be written down.
/// </summary>
internal static class ScoreFile
{
    /// <summary>Set to 1, scores that are higher are written down instead of being a failure.</summary>
    public const string RaiseVariable = "REPLAY_RAISE_SCORES";

    private static readonly Lock Gate = new();

    public static bool MayRaise => Environment.GetEnvironmentVariable(RaiseVariable) == "1";

    public static string Line(string folder, ConformanceResult result) =>
        $"{folder} {string.Join(' ', result.Classes.Select(one => $"{one.Name} {one.Alignment.Matched}/{one.Alignment.Seen}+{one.Alignment.Extra}"))}";

    /// <summary>The line of a case, null where it has none yet.</summary>
    public static string? Find(string path, string folder)
    {
        lock (Gate)
            return File.ReadLines(path).FirstOrDefault(line => line.StartsWith(folder + ' ', StringComparison.Ordinal));
    }

    /// <summary>Matched items less extra ones of each class, as the line has them.</summary>
    public static int[] Points(string line) =>
    [
        .. line.Split(' ').Where(word => word.Contains('/', StringComparison.Ordinal) && word.Contains('+', StringComparison.Ordinal))
            .Select(score => int.Parse(score[..score.IndexOf('/', StringComparison.Ordinal)]) - int.Parse(score[(score.IndexOf('+', StringComparison.Ordinal) + 1)..])),
    ];

    public static void Raise(string path, string folder, string line)
    {
        lock (Gate)
        {
            var lines = File.ReadLines(path).Where(old => !old.StartsWith(folder + ' ', StringComparison.Ordinal)).Append(line);
            File.WriteAllLines(path, [.. lines.Order(StringComparer.Ordinal)]);
        }
    }
}
