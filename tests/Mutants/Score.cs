using System.Globalization;

namespace Replay.Mutants;

/// <summary>What became of a mutant.</summary>
/// <param name="Fate">killed, hung, conformance (killed by nothing but recordings of a real KVM), survived, unreached, equivalent.</param>
/// <param name="By">The test that failed, or the reason.</param>
internal sealed record Verdict(string Fate, string Key, string By)
{
    public bool IsKilled => Fate is "killed" or "hung" or "conformance";

    public override string ToString() => $"{Fate}\t{Key}\t{By}";
}

/// <summary>The table at the end.</summary>
internal static class Score
{
    private static readonly string[] Fates = ["killed", "hung", "conformance", "survived", "unreached", "equivalent"];

    public static void Print(IReadOnlyList<Verdict> verdicts, IReadOnlyDictionary<string, int> candidates)
    {
        foreach (var verdict in verdicts.Where(verdict => !verdict.IsKilled).OrderBy(verdict => verdict.Fate, StringComparer.Ordinal).ThenBy(verdict => verdict.Key, StringComparer.Ordinal))
            Console.WriteLine(verdict);
        Console.WriteLine();
        Console.WriteLine($"| folder | can be changed | tried | {string.Join(" | ", Fates)} | killed of those not equivalent |");
        Console.WriteLine($"| --- | {string.Concat(Enumerable.Repeat("---: | ", Fates.Length + 3))}");
        foreach (var folder in candidates.Keys.Order(StringComparer.Ordinal))
            PrintRow(folder, candidates[folder], [.. verdicts.Where(verdict => verdict.Key.StartsWith(folder + "/", StringComparison.Ordinal))]);
        PrintRow("all", candidates.Values.Sum(), verdicts);
    }

    private static void PrintRow(string name, int candidates, IReadOnlyList<Verdict> verdicts)
    {
        var killed = verdicts.Count(verdict => verdict.IsKilled);
        var all = verdicts.Count(verdict => verdict.Fate != "equivalent");
        var (low, high) = Interval(killed, all);
        var counts = Fates.Select(fate => verdicts.Count(verdict => verdict.Fate == fate).ToString(CultureInfo.InvariantCulture));
        Console.WriteLine($"| {name} | {candidates} | {verdicts.Count} | {string.Join(" | ", counts)} | {100.0 * killed / Math.Max(all, 1):F1} % ({low:F1} to {high:F1}) |");
    }

    /// <summary>Wilson's interval of 95 %, in percent.</summary>
    private static (double Low, double High) Interval(int good, int all)
    {
        if (all == 0)
            return (0, 100);
        const double z = 1.96;
        var share = (double)good / all;
        var middle = (share + (z * z / (2 * all))) / (1 + (z * z / all));
        var half = z / (1 + (z * z / all)) * Math.Sqrt((share * (1 - share) / all) + (z * z / (4.0 * all * all)));
        return (100 * (middle - half), 100 * (middle + half));
    }
}
