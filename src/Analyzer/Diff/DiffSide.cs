using Dapper;
using Replay.Analyzer.Store;
using Replay.Trace;

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

    /// <summary>Which page tables the guest's vCPUs were on.</summary>
    public AddressSpaces AddressSpaces() => Store.AddressSpaces.Of(Database, Run.Run);

    /// <summary>The vCPU that made an access; null: the run has no such access.</summary>
    public int? VcpuOf(long ordinal) => Database.Connection.QueryFirstOrDefault<int?>("SELECT vcpu FROM access WHERE run = @Run AND ordinal = @ordinal", new { Run.Run, ordinal });

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
            : runs.Count == 0 ? $"{database.Path}: has no run {reference}. It has {names}.{DidYouMean.Ask(reference!, database.Runs.Select(candidate => candidate.Name))}"
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

/// <summary>Where one side of a comparison comes from.</summary>
public sealed record DiffSideInfo
{
    public required string Database { get; init; }

    public required int Run { get; init; }

    public required string Name { get; init; }

    public required string Mode { get; init; }

    public required string Profile { get; init; }

    /// <summary>How the host backs guest memory.</summary>
    public required string Backing { get; init; }

    public required string Kernel { get; init; }

    /// <summary>How far the model of the kernel can be trusted; null where a machine has confirmed it.</summary>
    public string? KernelCaveat { get; init; }

    public required string Tool { get; init; }

    public required string Model { get; init; }

    /// <summary>JSON.</summary>
    public required string Options { get; init; }

    public required string Detail { get; init; }

    public required string HistoryHash { get; init; }

    public required string Capture { get; init; }

    public required string CaptureHash { get; init; }

    public required string CaptureSource { get; init; }

    public string? CaptureFilter { get; init; }

    internal static DiffSideInfo Of(DiffSide side) => new()
    {
        Database = side.Database.Path,
        Run = side.Run.Run,
        Name = side.Run.Name,
        Mode = side.Run.Mode,
        Profile = side.Run.Profile,
        Backing = side.Run.Backing,
        Kernel = side.Run.Kernel,
        KernelCaveat = side.Run.KernelCaveat,
        Tool = side.Run.Tool,
        Model = side.Run.Model,
        Options = side.Run.Options,
        Detail = side.Run.Detail,
        HistoryHash = side.Run.HistoryHash ?? "",
        Capture = side.Run.Capture,
        CaptureHash = side.Run.CaptureHash,
        CaptureSource = side.Run.CaptureSource,
        CaptureFilter = side.Run.CaptureFilter,
    };
}
