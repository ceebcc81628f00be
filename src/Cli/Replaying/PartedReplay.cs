using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;

namespace Replay.Cli.Replaying;

/// <summary>A replay whose runs go to a folder of Parquet: where they are made, and how they come in when they are whole.</summary>
internal sealed class PartedReplay : IDisposable
{
    private readonly HistoryFolder _folder;
    private readonly IReadOnlyList<RunKey> _keys;
    private readonly string _work;
    private readonly FileStream _lock;

    private PartedReplay(HistoryFolder folder, IReadOnlyList<RunKey> keys, string? database)
    {
        _folder = folder;
        _keys = keys;
        IsThere = keys.All(folder.Has);
        _work = folder.WorkOf(keys);
        _lock = Lock(Path.Combine(_work, "making.lock"), folder.Directory);
        Database = database ?? Path.Combine(_work, "history.db");
        Parts = new HistoryParts(Path.Combine(_work, "parts"), areOnly: database is null);
    }

    /// <summary>The folder has all of the runs.</summary>
    public bool IsThere { get; }

    /// <summary>The database that is made along with them: the user's, or one that goes when they are in.</summary>
    public string Database { get; }

    public HistoryParts Parts { get; }

    /// <param name="plan">What is replayed.</param>
    /// <param name="store">What is stored of it.</param>
    /// <param name="directory">The folder, which is made if it is not there.</param>
    /// <param name="database">A database to make as well; null: none.</param>
    public static PartedReplay Begin(ReplayPlan plan, StoreOptions store, string directory, string? database)
    {
        var folder = HistoryFolder.Open(directory);
        return new PartedReplay(folder, [.. StoredReplay.Describe(plan).Select(info => RunKey.Of(info, store))], database);
    }

    /// <summary>Brings the runs in. Their database is closed.</summary>
    /// <param name="runs">Their numbers there; none: they are the last ones.</param>
    public void Publish(IReadOnlyList<int> runs)
    {
        using (var database = Analyzer.Store.Database.OpenRead(Database))
        {
            if (runs.Count == 0)
                runs = [.. database.Runs.TakeLast(_keys.Count).Select(run => run.Run)];
            for (var i = 0; i < runs.Count; i++)
                _folder.Publish(database, runs[i], Parts, _keys[i]);
        }

        HistoryFolder.Drop(_work);
    }

    /// <summary>Where nothing can be gone on from, nothing stays.</summary>
    public void Dispose()
    {
        Parts.Dispose();
        _lock.Dispose();
        var isLeft = Directory.Exists(_work)
            && (IsThere || !Directory.EnumerateFiles(_work).Any(file => !file.EndsWith(".lock", StringComparison.Ordinal)));
        if (isLeft && Parts.AreOnly)
            HistoryFolder.Drop(_work);
    }

    private static FileStream Lock(string path, string folder)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new StoreException($"{folder}: the same runs are being made there by another process. Wait until they are in.", exception);
        }
    }
}
