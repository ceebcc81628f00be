using Replay.Analyzer.Diff;
using Replay.Analyzer.Store;

namespace Replay.Cli.Commands;

/// <summary>The two runs that a command line names: <c>X.db A B</c>, or <c>X.db:A Y.db:B</c>.</summary>
internal sealed class DiffSides : IDisposable
{
    private readonly List<Database> _databases = [];

    private DiffSides()
    {
    }

    public DiffSide A { get; private set; } = null!;

    public DiffSide B { get; private set; } = null!;

    /// <exception cref="UsageException">It names something else.</exception>
    /// <exception cref="UnknownRunException">A run is not there.</exception>
    public static DiffSides Open(IReadOnlyList<string> words)
    {
        var sides = new DiffSides();
        try
        {
            if (words.Count == 3)
            {
                var database = sides.Add(words[0]);
                sides.A = DiffSide.Find(database, words[1]);
                sides.B = DiffSide.Find(database, words[2]);
            }
            else
            {
                sides.RefuseOne(words[0], words.ElementAtOrDefault(1));
                sides.A = sides.Named(words[0]);
                sides.B = sides.Named(words[1]);
            }

            return sides;
        }
        catch
        {
            sides.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var database in _databases)
            database.Dispose();
    }

    /// <summary>One database and one run of it, or none: which runs there are to compare.</summary>
    private void RefuseOne(string first, string? second)
    {
        var colon = first.LastIndexOf(':');
        var isWhole = colon <= 0 || File.Exists(first);
        var path = isWhole ? first : first[..colon];
        if (second is not null && (File.Exists(second) || second.IndexOfAny([':', '/']) >= 0 || second.EndsWith(".db", StringComparison.Ordinal) || !File.Exists(path)))
            return;
        var database = Add(path);
        var one = isWhole ? second : first[(colon + 1)..];
        var runs = string.Join(", ", database.Runs.Select(run => $"{run.Run} ({run.Name})"));
        var known = one is null ? null : DiffSide.Find(database, one).Run.Name;
        var other = isWhole ? null : second;
        throw new UsageException($"two runs are compared, and {(known is null ? "none is" : $"{known} alone is")} named. {path} has {runs}: 'replay diff {path} {known ?? "RUN"} {other ?? "RUN"}'.");
    }

    /// <summary>A colon may be part of the path; what is behind the last one is the run, unless the whole is a file.</summary>
    private DiffSide Named(string word)
    {
        var colon = word.LastIndexOf(':');
        return colon <= 0 || File.Exists(word) ? DiffSide.Find(Add(word), null) : DiffSide.Find(Add(word[..colon]), word[(colon + 1)..]);
    }

    private Database Add(string path)
    {
        var database = Database.OpenRead(Inputs.Database(path));
        _databases.Add(database);
        return database;
    }
}
