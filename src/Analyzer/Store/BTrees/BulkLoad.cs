using Replay.Analyzer.Schema;
using Replay.Replayer;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Fills the tables of records of a new database: rows are encoded as they come and wait on a spool beside it; at the end all b-trees, of
/// tables and of indexes, are written page by page behind the end of a file that nobody else has open.
/// </summary>
/// <remarks>
/// SQLite needs some 500 ns for a row and as much for its entries in indexes; this needs a tenth. SQLite has made the schema and the empty
/// trees, and gets their roots filled. Tables that have rows already are filled by SQLite itself, see <see cref="BulkInsert{T, TLayout}"/>,
/// and tests hold the two against each other.
/// </remarks>
internal sealed class BulkLoad : IDisposable
{
    private readonly Spool _spool;
    private readonly TableLoad[] _tables;

    private BulkLoad(Spool spool, IEnumerable<TableShape> shapes)
    {
        _spool = spool;
        var sort = new KeySort();
        _tables = [.. shapes.Select(shape => new TableLoad(shape, spool, sort))];
    }

    /// <param name="connection">To the partial database, outside a transaction.</param>
    /// <param name="path">Of it.</param>
    public static BulkLoad Begin(NativeConnection connection, string path) => new(new Spool(Spool.PathOf(path)), ReadShapes(connection));

    /// <summary>Goes on from what <see cref="Save"/> saved. Null: nothing was saved, since SQLite takes the rows.</summary>
    /// <exception cref="StoreException">The spool is not what it was.</exception>
    public static BulkLoad? Resume(NativeConnection connection, string path, ReadOnlySpan<byte> state)
    {
        var source = new StateCursor(state);
        if (source.IsAtEnd)
            return null;
        var load = new BulkLoad(Spool.Reopen(Spool.PathOf(path), source.Read<long>()), ReadShapes(connection));
        foreach (var table in load._tables)
            table.Restore(ref source);
        return load;
    }

    /// <summary>The tables have no rows.</summary>
    public static bool AreEmpty(NativeConnection connection) =>
        LoadedTables.All.All(table => connection.QueryInt64($"SELECT EXISTS (SELECT 1 FROM {table.Name})") == 0);

    public IRowSink<T> Sink<T, TLayout>(int run)
        where T : unmanaged
        where TLayout : IRowLayout<T> =>
        new RowLoad<T, TLayout>(_tables.Single(table => table.Shape.Name == TLayout.Table), run);

    public void Save(StateBuffer destination)
    {
        var tables = new StateBuffer();
        foreach (var table in _tables)
            table.Save(tables);
        destination.Write(_spool.Length);
        destination.Write(tables.Written);
    }

    /// <summary>Writes the trees into a database whose tables and indexes are empty.</summary>
    /// <param name="path">Of the database. Nobody has it open.</param>
    /// <param name="roots">Of its tables and indexes, by name.</param>
    /// <param name="withIndexes">False: it has none yet. They are made when there is a complete run.</param>
    public void Build(string path, IReadOnlyDictionary<string, uint> roots, bool withIndexes)
    {
        using var pages = new DatabasePages(path);
        Invariant.Holds(pages.AreUsual, "a new database is not as SQLite makes it by default");
        foreach (var table in _tables)
        {
            table.BuildTable(pages, roots);
            if (withIndexes)
                table.BuildIndexes(pages, roots);
        }

        pages.Commit();
    }

    /// <summary>Closes the spool.</summary>
    public void Dispose() => _spool.Dispose();

    /// <summary>With the indexes as they will be.</summary>
    private static List<TableShape> ReadShapes(NativeConnection connection)
    {
        connection.Execute("BEGIN");
        connection.Execute(SqlFiles.Indexes.Text);
        var shapes = LoadedTables.All.Select(table => TableShape.Read(connection, table.Name, table.Columns)).ToList();
        connection.Execute("ROLLBACK");
        return shapes;
    }
}
