namespace Replay.Cli.Commands;

/// <summary>A run of a database that was replayed again.</summary>
/// <param name="Run">Number of the run.</param>
/// <param name="Name">Its name.</param>
/// <param name="Complete">Whether it was; an interrupted run has no hash to compare with.</param>
/// <param name="Same">The same history came out again.</param>
/// <param name="Stored">The hash in the database.</param>
/// <param name="Again">The hash of the second replay, null where there was none.</param>
internal sealed record VerifiedRun(int Run, string Name, bool Complete, bool Same, string? Stored, string? Again)
{
    public override string ToString() => Again is null
        ? $"run {Run} ({Name}): incomplete, nothing to compare"
        : $"run {Run} ({Name}): {(Same ? "same" : "DIFFERENT")} history, {Again}{(Same ? "" : $" against {Stored}")}";
}
