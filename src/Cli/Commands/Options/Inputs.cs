using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Inputs named on the command line.</summary>
internal static class Inputs
{
    /// <summary>A capture is a directory, a database a file.</summary>
    /// <exception cref="InputMissingException">Neither is there.</exception>
    public static (string Path, bool IsCapture) Resolve(string path)
    {
        if (Directory.Exists(path))
            return (path, true);
        if (File.Exists(path))
            return (path, false);
        throw new InputMissingException(HistoryFile.IsUnfinished(path) ? Unfinished(path) : $"{path}: no such capture or database.");
    }

    public static string Capture(string path) =>
        Directory.Exists(path) ? path
        : File.Exists(path) ? throw new UsageException($"{path} is a file; a capture is a directory.")
        : throw new InputMissingException($"{path}: no such capture.");

    public static string Database(string path) =>
        File.Exists(path) ? path
        : HistoryFolder.Is(path) ? throw new UsageException($"{path} holds histories as Parquet, which 'replay query' reads. Here a database is needed: 'replay run' with the same options and -o FILE.db makes it ('replay query {path} @runs' tells which).")
        : Directory.Exists(path) ? throw new UsageException($"{path} is a directory; 'replay run {path} --mmu ept -o FILE.db' makes a database of a capture.")
        : throw new InputMissingException(HistoryFile.IsUnfinished(path) ? Unfinished(path) : $"{path}: no such database.");

    /// <summary>A name for a run: one that no option or SQL takes for something else.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static string? NewRunName(string? name) =>
        name is null || (name.Length > 0 && !char.IsAsciiDigit(name[0]) && name[0] != '-' && name.All(letter => char.IsLetterOrDigit(letter) || letter is '-' or '_' or '.' or '@' or '+'))
            ? name
            : throw new UsageException($"--name {name}: letters, digits and - _ . @ +, a letter first.");

    /// <summary>Of events that a run does not hold there is nothing to show, and what would be shown is that of others.</summary>
    /// <exception cref="UsageException">All of them are behind its last one that is stored, or before its first.</exception>
    public static void CheckOrdinals(RunRow run, long first, long last, string what)
    {
        if (run.LastOrdinal is not { } end)
            return;
        end = Math.Min(end, run.RowsToOrdinal ?? end);
        if (first > end || last < 0)
            throw new UsageException($"{what}: run {run.Name} holds events {run.FirstOrdinal ?? 0} to {end}.");
    }

    private static string Unfinished(string path) => $"{path}: is not made yet: a run into it goes on, or was interrupted. 'replay run --resume' finishes it.";

    /// <summary>A run of a database by number or name; without one the first.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static RunRow Run(Database database, string? wanted) =>
        (wanted is null ? database.Runs.Count > 0 ? database.Runs[0] : null : database.FindRun(wanted))
        ?? throw new UsageException($"{database.Path}: has no run {wanted}. It has {string.Join(", ", database.Runs.Select(run => $"{run.Run} ({run.Name})"))}.{DidYouMean.Ask(wanted ?? "", database.Runs.Select(run => run.Name))}");
}
