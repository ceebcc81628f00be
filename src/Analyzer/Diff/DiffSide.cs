using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff;

/// <summary>One of the two runs that are compared.</summary>
/// <param name="Database">Where it is.</param>
/// <param name="Run">Its row.</param>
public sealed record DiffSide(Database Database, RunRow Run)
{
    /// <summary>What a real KVM was seen to do: it has no ordinals of a capture.</summary>
    public bool IsObserved => Run.Mode == ObservedMode;

    /// <summary>Two-dimensional page walks.</summary>
    public bool IsTwoDimensional => Run.Mode is not ("shadow" or ObservedMode);

    internal const string ObservedMode = "observed";

    /// <summary>Finds a run of a database by its name, number, mode, or mode and kernel (<c>ept@6.12</c>).</summary>
    /// <param name="database">The database.</param>
    /// <param name="reference">Name, number, mode, or mode and kernel; null: its only run.</param>
    /// <exception cref="UnknownRunException">There is none, or more than one.</exception>
    public static DiffSide Find(Database database, string? reference)
    {
        var runs = reference is null ? database.Runs
            : database.FindRun(reference) is { } run ? [run]
            : [.. database.Runs.Where(candidate => candidate.Mode == reference || IsOf(candidate, reference))];
        if (runs.Count == 1)
            return new DiffSide(database, runs[0]);
        var names = string.Join(", ", database.Runs.Select(candidate => $"{candidate.Run} ({candidate.Name})"));
        throw new UnknownRunException(reference is null
            ? $"{database.Path}: has {runs.Count} runs: {names}. Name one as {database.Path}:RUN."
            : runs.Count == 0 ? $"{database.Path}: has no run {reference}. It has {names}.{NameHints.Ask(reference!, database.Runs.Select(candidate => candidate.Name))}"
            : $"{database.Path}: {reference} is what several runs are. Name one of {names}.");
    }

    /// <summary>The run is of the mode before the @ and of a release of the kernel behind it.</summary>
    private static bool IsOf(RunRow run, string reference)
    {
        var at = reference.IndexOf('@', StringComparison.Ordinal);
        return at > 0 && run.Mode == reference[..at]
            && (run.Kernel == reference[(at + 1)..] || run.Kernel.StartsWith($"{reference[(at + 1)..]}.", StringComparison.Ordinal));
    }
}
