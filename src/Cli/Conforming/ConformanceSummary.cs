using Replay.Analyzer.Conformance;

namespace Replay.Cli.Conforming;

/// <summary>Scores by mode and host, as a Markdown table.</summary>
internal static class ConformanceSummary
{
    public static void Write(IReadOnlyList<(string Path, ConformanceResult Result)> results, TextWriter output)
    {
        output.WriteLine("| host | kernel | mode | cases | complete | writes | operations | flushes | tables | with A/D bits |");
        output.WriteLine("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        foreach (var group in results.GroupBy(entry => (entry.Result.HostProfile, entry.Result.Kernel, entry.Result.Mode)).OrderBy(group => group.Key))
            WriteLine($"{group.Key.HostProfile} | {group.Key.Kernel} | {group.Key.Mode}", [.. group.Select(entry => entry.Result)], output);
        WriteLine("all |  | ", [.. results.Select(entry => entry.Result)], output);
    }

    private static void WriteLine(string name, IReadOnlyList<ConformanceResult> results, TextWriter output) => output.WriteLine(
        $"| {name} | {results.Count} | {results.Count(result => result.IsComplete)} | {Sum(results, result => result.Writes.Alignment)} "
        + $"| {Sum(results, result => result.Operations.Alignment)} | {Sum(results, result => result.Flushes.Alignment)} | {Sum(results, result => result.Tables.Alignment)} | {Sum(results, result => result.TablesWithAccessedDirty)} |");

    private static string Sum(IReadOnlyList<ConformanceResult> results, Func<ConformanceResult, Alignment> pick)
    {
        var extra = results.Sum(result => (long)pick(result).Extra);
        return $"{results.Sum(result => (long)pick(result).Matched)} of {results.Sum(result => (long)pick(result).Seen)}{(extra > 0 ? $", {extra} extra" : "")}";
    }
}
