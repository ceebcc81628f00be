namespace Replay.Analyzer.Store.BTrees;

/// <summary>
/// Reads the rows of one run of a table of records in the order of the primary key, page by page, without SQLite's cursor and a call for
/// each column. A read transaction of SQLite keeps writers away.
/// </summary>
internal sealed class TableScan : IDisposable
{
    /// <summary>SQLite's own limit.</summary>
    private const int MaxDepth = 20;

    private readonly string _path;
    private readonly NativeConnection _connection;
    private readonly PageWindow _pages;
    private readonly RecordColumns _record;
    private readonly long _run;
    private readonly long _from;
    private readonly List<ScanPage> _levels = [];

    /// <summary>0 once it has been entered.</summary>
    private uint _root;

    private int _depth;
    private bool _isSeeking = true;

    private TableScan(string path, NativeConnection connection, PageWindow pages, RecordColumns record, long run, long from, uint root)
    {
        _path = path;
        _connection = connection;
        _pages = pages;
        _record = record;
        _run = run;
        _from = from;
        _root = root;
    }

    /// <summary>Null: the file is of a form that is left to SQLite.</summary>
    /// <param name="path">The database.</param>
    /// <param name="table">The table.</param>
    /// <param name="columns">The columns that are read, in the order in which <see cref="TryNext"/> gives them.</param>
    /// <param name="run">The run.</param>
    /// <param name="from">The second column of the key of the first row that is read, or beyond.</param>
    /// <param name="whenNull">What a NULL is read as.</param>
    /// <exception cref="StoreException">It cannot be read.</exception>
    public static TableScan? TryOpen(string path, string table, string columns, long run, long from = long.MinValue, long whenNull = 0)
    {
        var connection = NativeConnection.OpenRead(path);
        try
        {
            connection.Execute("BEGIN");
            var root = connection.QueryInt64("SELECT rootpage FROM sqlite_schema WHERE name = ?", table);
            var stored = TableShape.StoredColumns(connection, table);
            var pages = new PageWindow(connection.File);
            if (pages.AreUsual)
                return new TableScan(path, connection, pages, new RecordColumns(stored, columns.Split(", "), whenNull), run, from, (uint)root);
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        connection.Dispose();
        return null;
    }

    /// <summary>The next row; false: there is none.</summary>
    /// <param name="columns">Gets the columns.</param>
    /// <exception cref="DatabaseFormatException">The file is damaged.</exception>
    public bool TryNext(Span<long> columns)
    {
        try
        {
            return TryMove(columns);
        }
        catch (Exception damage) when (damage is ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            throw new DatabaseFormatException($"{_path}: is damaged. Run the capture again.", damage);
        }
    }

    public void Dispose() => _connection.Dispose();

    private bool TryMove(Span<long> columns)
    {
        if (_root != 0)
            Enter(_root);
        _root = 0;
        while (_depth > 0)
        {
            var page = _levels[_depth - 1];
            if (page.TryNextChild(out var child))
            {
                Enter(child);
                continue;
            }

            if (!page.TryNextCell(out var cell))
            {
                _depth--;
                continue;
            }

            var run = _record.Read(cell, columns);
            if (run < _run)
                continue;
            _isSeeking = false;
            if (run == _run)
                return true;
            _depth = 0;
        }

        return false;
    }

    private void Enter(uint number)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(_depth, MaxDepth);
        if (_depth == _levels.Count)
            _levels.Add(new ScanPage());
        var page = _levels[_depth++];
        _pages.Read(number, page.Bytes);
        page.Begin();
        if (_isSeeking)
            page.SkipTo(_run, _from);
    }
}
