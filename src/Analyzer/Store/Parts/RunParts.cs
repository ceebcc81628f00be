using Replay.Analyzer.Store.BTrees;
using Replay.Replayer.History;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.Parts;

/// <summary>One run's rows as Parquet, while it is written.</summary>
internal sealed class RunParts : IDisposable
{
    private readonly Dictionary<string, PartTable> _tables = new(StringComparer.Ordinal);
    private readonly ChainNames _chains = new();

    /// <param name="connection">To the database that has the schema, and the run's chains if the run goes on.</param>
    /// <param name="run">Its number there.</param>
    /// <param name="directory">Of the run's tables, until it is published.</param>
    public RunParts(NativeConnection connection, int run, string directory)
    {
        Run = run;
        using (var chains = connection.Prepare("SELECT c.chain_id, f.name, c.path FROM _chain AS c JOIN _function AS f ON f.function = c.function WHERE c.run = ?"))
        {
            chains.Bind(1, run);
            while (chains.Step())
                _chains.Add(chains.Int64(0), chains.Text(1), chains.Text(2));
        }

        foreach (var (name, bound) in LoadedTables.All)
        {
            var columns = AllColumns(connection, name, bound);
            var folder = Path.Combine(directory, PartLayouts.FolderOf(name));
            _tables.Add(name, new PartTable(folder, PartLayouts.FolderOf(name), columns.Count, PartLayouts.Columns(columns, _chains)));
        }
    }

    public int Run { get; }

    public long Rows => _tables.Values.Sum(table => table.Rows);

    /// <summary>The columns that rows have, and behind them those that only observed runs have.</summary>
    public static IReadOnlyList<string> AllColumns(NativeConnection connection, string table, string bound)
    {
        var known = bound.Split(", ").Skip(1).ToList();
        known.AddRange(connection.QueryTexts($"SELECT name FROM pragma_table_info('{table}')").Where(name => name != "run" && !known.Contains(name)).ToList());
        return known;
    }

    public IRowSink<T> Sink<T, TLayout>()
        where T : unmanaged
        where TLayout : IRowLayout<T> => new PartRows<T, TLayout>(_tables[TLayout.Table]);

    public void Add(ChainRow chain) => _chains.Add(chain.ChainId, chain.Function.KernelName(), chain.Path);

    /// <summary>Ends the files in hand, and saves how many there are.</summary>
    public void Save(StateBuffer destination)
    {
        foreach (var table in _tables.Values)
        {
            table.EndPart();
            destination.Write(table.Parts);
            destination.Write(table.Rows);
        }
    }

    public void Restore(ref StateCursor source)
    {
        foreach (var table in _tables.Values)
            table.GoOn(source.Read<int>(), source.Read<long>());
    }

    /// <summary>Ends the files in hand.</summary>
    public void End()
    {
        foreach (var table in _tables.Values)
            table.EndPart();
    }

    public void Dispose()
    {
        foreach (var table in _tables.Values)
            table.Dispose();
    }
}
