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
