using Replay.Analyzer.Schema;
using Replay.Replayer.Checkpoints;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Fills the empty tables of records of a database: rows are encoded as they come and wait on a spool beside the database; at the end all
/// b-trees, of tables and of indexes, are built page by page behind the end of the file and put in the place of the empty ones.
/// </summary>
/// <remarks>
/// SQLite needs some 500 ns for a row and as much for its entries in indexes; this needs a tenth. Tables that have rows already are filled by
/// SQLite itself, see <see cref="BulkInsert{T, TLayout}"/>, and tests hold the two against each other. Whatever happens to the process,
/// the database can be read: nothing refers to what is appended before the last step, and that is one transaction.
/// </remarks>
internal sealed class BulkLoad : IDisposable
{
    private readonly string _path;
    private readonly Spool _spool;
    private readonly TableLoad[] _tables;

    private BulkLoad(string path, Spool spool, IEnumerable<TableShape> shapes)
    {
        _path = path;
        _spool = spool;
        var sort = new KeySort();
        _tables = [.. shapes.Select(shape => new TableLoad(shape, spool, sort))];
    }

    /// <summary>Null: the database is none that can be filled so.</summary>
    /// <param name="connection">A connection that holds the exclusive lock, outside a transaction.</param>
    /// <param name="path">The database.</param>
    public static BulkLoad? TryBegin(NativeConnection connection, string path) =>
        IsPossible(connection) ? new BulkLoad(path, new Spool(Spool.PathOf(path)), ReadShapes(connection)) : null;

    /// <summary>Takes back what a process appended that died before it was of any use.</summary>
    /// <param name="connection">Newly opened. It is opened once more if something is taken back.</param>
    /// <param name="path">The database.</param>
    public static void TakeBack(NativeConnection connection, string path)
    {
        if (Spool.ReadMark(Spool.PathOf(path)) is not { } mark)
            return;
        connection.Execute("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT");
        if (DatabasePages.TakeBack(connection, mark))
            connection.Reopen();
        // The page count may come to the same again by other ways.
        Spool.ClearMark(Spool.PathOf(path));
    }

    /// <summary>Goes on from what <see cref="Save"/> saved. Null: nothing was saved, since rows were in the database by then.</summary>
    public static BulkLoad? TryResume(NativeConnection connection, string path, ReadOnlySpan<byte> state)
    {
        var source = new StateCursor(state);
        if (source.IsAtEnd || !IsPossible(connection))
            return null;
        var spool = Spool.Reopen(Spool.PathOf(path), source.Read<long>());
        var load = new BulkLoad(path, spool, ReadShapes(connection));
        foreach (var table in load._tables)
            table.Restore(ref source);
        return load;
    }

    /// <summary>Removes what a killed process left.</summary>
    public static void Sweep(string path) => File.Delete(Spool.PathOf(path));

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

    /// <summary>Builds the trees behind the end of the file.</summary>
    /// <param name="connection">Holds the exclusive lock, and is to be opened anew afterwards.</param>
    /// <param name="withIndexes">False: indexes are made when there is a complete run.</param>
    public RootSwap Build(NativeConnection connection, bool withIndexes)
    {
        var pages = new DatabasePages(connection);
        var roots = new List<(string Name, uint Root)>();
        foreach (var table in _tables)
        {
            roots.Add((table.Shape.Name, table.BuildTable(pages)));
            if (withIndexes)
                roots.AddRange(table.BuildIndexes(pages));
        }

        pages.Commit(_spool);
        return new RootSwap(roots, withIndexes);
    }

    /// <summary>Closes the spool. What is there may still be needed.</summary>
    public void Dispose() => _spool.Dispose();

    /// <summary>The rows are in the database.</summary>
    public void Finish()
    {
        Dispose();
        Sweep(_path);
    }

    private static bool IsPossible(NativeConnection connection) => AreEmpty(connection) && new DatabasePages(connection).AreUsual;

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
