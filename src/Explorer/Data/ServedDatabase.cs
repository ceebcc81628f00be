using System.Collections.Concurrent;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;

namespace Replay.Explorer.Data;

/// <summary>
/// One database file. Requests borrow read-only connections to it; a connection to a file that has been replaced or has grown since is not
/// lent again, so that what is shown is always what is there.
/// </summary>
internal sealed class ServedDatabase : IDisposable
{
    private const int IdleConnections = 4;

    private readonly ConcurrentBag<(Database Database, QueryRunner Runner, string Stamp)> _idle = [];

    private readonly Func<ulong, ulong?, string?>? _symbols;

    public ServedDatabase(string path, string name, Func<ulong, ulong?, string?>? symbols = null)
    {
        _symbols = symbols;
        Path = path;
        Name = name;
    }

    public string Path { get; }

    /// <summary>What it is called in addresses: the file's name without its extension.</summary>
    public string Name { get; }

    /// <summary>Changes whenever the file does; null: it is not there.</summary>
    public string? Stamp
    {
        get
        {
            var file = new FileInfo(Path);
            return file.Exists ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file.Length:x}-{file.LastWriteTimeUtc.Ticks:x}-{file.CreationTimeUtc.Ticks:x}") : null;
        }
    }

    /// <exception cref="RequestProblem">It cannot be read now.</exception>
    public Session Borrow(CancellationToken cancellation)
    {
        var stamp = Stamp ?? throw RequestProblem.Unavailable($"{Path}: is not there any more. Put it back, or stop the explorer and name another one.");
        while (_idle.TryTake(out var idle))
        {
            if (idle.Stamp == stamp)
                return new Session(this, idle.Database, idle.Runner, stamp, cancellation);
            idle.Database.Dispose();
        }

        try
        {
            var database = Database.OpenRead(Path);
            return new Session(this, database, new QueryRunner(database, _symbols), stamp, cancellation);
        }
        catch (Exception exception) when (exception is StoreException or DatabaseFormatException or FileNotFoundException)
        {
            throw RequestProblem.Unavailable(exception.Message);
        }
    }

    public void Return(Database database, QueryRunner runner, string stamp)
    {
        if (_idle.Count < IdleConnections && stamp == Stamp)
            _idle.Add((database, runner, stamp));
        else
            database.Dispose();
    }

    public void Dispose()
    {
        while (_idle.TryTake(out var idle))
            idle.Database.Dispose();
    }
}
