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

    /// <summary>Finds a run of a database by its name, number or mode.</summary>
    /// <param name="database">The database.</param>
    /// <param name="reference">Name, number or mode; null: its only run.</param>
    /// <exception cref="UnknownRunException">There is none, or more than one.</exception>
    public static DiffSide Find(Database database, string? reference)
    {
        var runs = reference is null ? database.Runs
            : database.FindRun(reference) is { } run ? [run]
            : [.. database.Runs.Where(candidate => candidate.Mode == reference)];
        if (runs.Count == 1)
            return new DiffSide(database, runs[0]);
        var names = string.Join(", ", database.Runs.Select(candidate => $"{candidate.Run} ({candidate.Name})"));
        throw new UnknownRunException(reference is null
            ? $"{database.Path}: has {runs.Count} runs: {names}. Name one as {database.Path}:RUN."
            : runs.Count == 0 ? $"{database.Path}: has no run {reference}. It has {names}.{NameHints.Ask(reference!, database.Runs.Select(candidate => candidate.Name))}"
            : $"{database.Path}: {reference} is the mode of several runs. Name one of {names}.");
    }
}
