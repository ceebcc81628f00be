using System.Collections.Concurrent;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Explorer.Data;

/// <summary>The databases that are served, and how a run in an address is found among them.</summary>
internal sealed class Shelf : IDisposable
{
    private const int MostAnswers = 64;

    private readonly ConcurrentDictionary<string, Lazy<object>> _answers = new(StringComparer.Ordinal);

    private readonly Func<ulong, ulong?, string?>? _symbols;

    /// <param name="paths">Database files.</param>
    /// <param name="symbols">The function at an address of the guest, in an address space or in any; null: none is known.</param>
    public Shelf(IReadOnlyList<string> paths, Func<ulong, ulong?, string?>? symbols = null)
    {
        _symbols = symbols;
        var databases = new List<ServedDatabase>();
        foreach (var path in paths)
        {
            var stem = Path.GetFileNameWithoutExtension(path);
            var name = stem;
            for (var number = 2; databases.Exists(database => database.Name == name); number++)
                name = $"{stem}-{number}";
            databases.Add(new ServedDatabase(path, name, symbols));
        }

        Databases = databases;
    }

    public IReadOnlyList<ServedDatabase> Databases { get; }

    /// <summary>How a run is written in addresses: <c>ept</c> in the first database, <c>boot:ept</c> in another.</summary>
    public string Key(ServedDatabase database, RunRow run) => database == Databases[0] ? run.Name : $"{database.Name}:{run.Name}";

    /// <summary>Borrows the database of a run.</summary>
    /// <param name="key">The run as written in an address; null: the first of all.</param>
    /// <param name="cancellation">Stops what is being read.</param>
    /// <exception cref="RequestProblem">There is none.</exception>
    public RunSession Open(string? key, CancellationToken cancellation)
    {
        var colon = key?.IndexOf(':', StringComparison.Ordinal) ?? -1;
        var served = colon < 0 ? Databases[0] : Find(key![..colon]);
        var name = key?[(colon + 1)..];
        var session = served.Borrow(cancellation);
        var run = string.IsNullOrEmpty(name) ? session.Database.Runs is [var first, ..] ? first : null : session.Database.FindRun(name);
        if (run is not null)
            return new RunSession(session, run, Key(served, run));
        var names = string.Join(", ", session.Database.Runs.Select(candidate => Key(served, candidate)));
        var hint = DidYouMean.Ask(name ?? "", session.Database.Runs.Select(candidate => candidate.Name));
        session.Dispose();
        throw RequestProblem.NotFound(names.Length == 0 ? $"{served.Path}: has no run yet." : $"{served.Path}: has no run {name}. It has {names}.{hint}");
    }

    public ServedDatabase Find(string name) =>
        Databases.FirstOrDefault(database => database.Name == name)
        ?? throw RequestProblem.NotFound($"no database {name} is served here. There are {string.Join(", ", Databases.Select(database => database.Name))}.");

    /// <summary>The function of the guest that an instruction of a run is in.</summary>
    /// <param name="run">The run.</param>
    /// <param name="vcpu">Which vCPU executed it, and</param>
    /// <param name="ordinal">when: together they say in which address space; null: not known.</param>
    /// <param name="rip">Its address; null or 0: not known.</param>
    public string? Symbol(RunSession run, long? vcpu, long ordinal, long? rip) =>
        _symbols is null || rip is null or 0 ? null
            : _symbols(unchecked((ulong)rip), Once($"spaces|{run.Identity}", () => AddressSpaces.Of(run.Session.Database, run.Run.Run)).At((int?)vcpu, ordinal));

    /// <summary>An answer that costs time and stays true as long as the files do not change: worked out once.</summary>
    /// <param name="key">What was asked, with the stamps of the files.</param>
    /// <param name="make">Works it out.</param>
    public T Once<T>(string key, Func<T> make)
        where T : class
    {
        if (_answers.Count > MostAnswers)
            _answers.Clear();
        var answer = _answers.GetOrAdd(key, _ => new Lazy<object>(() => make(), LazyThreadSafetyMode.ExecutionAndPublication));
        try
        {
            return (T)answer.Value;
        }
        catch
        {
            // The next one may be luckier: this one may have been cancelled.
            _answers.TryRemove(new KeyValuePair<string, Lazy<object>>(key, answer));
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var database in Databases)
            database.Dispose();
    }
}
