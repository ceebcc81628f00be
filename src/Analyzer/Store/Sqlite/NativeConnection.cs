using SQLitePCL;

namespace Replay.Analyzer.Store;

/// <summary>A connection without the layers that cost time per row. One thread uses it at a time.</summary>
internal sealed class NativeConnection : IDisposable
{
    /// <summary>The connection is used by one thread at a time, which we see to ourselves.</summary>
    private const int Writing = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX;

    private string _path;
    private readonly string _purpose;
    private sqlite3? _database;

    static NativeConnection() => Batteries_V2.Init();

    private NativeConnection(string path, bool readOnly)
    {
        _path = path;
        _purpose = readOnly ? "read" : "write";
    }

    /// <summary>The database file as this connection has it open, under its locks.</summary>
    public SqliteFile File
    {
        get
        {
            if (NativeSqlite.FileControl(_database!.DangerousGetHandle(), 0, NativeSqlite.FilePointer, out var file) != raw.SQLITE_OK)
                throw Failure();
            return new SqliteFile(file, _path);
        }
    }

    /// <summary>Opens the file, which is made if <paramref name="create"/> and it is not there.</summary>
    /// <exception cref="StoreException">It cannot be opened.</exception>
    public static NativeConnection Open(string path, bool create)
    {
        var flags = Writing | (create ? raw.SQLITE_OPEN_CREATE : 0);
        var connection = new NativeConnection(path, readOnly: false);
        connection.Open(flags);
        return connection;
    }

    /// <summary>Opens the file for reading.</summary>
    /// <exception cref="StoreException">It cannot be opened.</exception>
    public static NativeConnection OpenRead(string path)
    {
        var connection = new NativeConnection(path, readOnly: true);
        connection.Open(raw.SQLITE_OPEN_READONLY | raw.SQLITE_OPEN_NOMUTEX);
        return connection;
    }

    public bool IsOpen => _database is not null;

    /// <summary>Opens another file for writing, which is there, once this one is closed.</summary>
    /// <exception cref="StoreException">It cannot be opened.</exception>
    public void Reopen(string path, bool create = false)
    {
        Dispose();
        _path = path;
        Open(Writing | (create ? raw.SQLITE_OPEN_CREATE : 0));
    }

    /// <summary>Runs statements that return nothing.</summary>
    public void Execute(string sql)
    {
        if (raw.sqlite3_exec(_database, sql) != raw.SQLITE_OK)
            throw Failure();
    }

    public NativeStatement Prepare(string sql)
    {
        if (raw.sqlite3_prepare_v3(_database, sql, raw.SQLITE_PREPARE_PERSISTENT, out var statement) != raw.SQLITE_OK)
            throw Failure();
        return new NativeStatement(this, statement);
    }

    /// <summary>The first column of the first row, 0 where there is no row or it is NULL.</summary>
    public long QueryInt64(string sql, params ReadOnlySpan<object?> values)
    {
        using var statement = Prepare(sql);
        for (var i = 0; i < values.Length; i++)
            statement.Bind(i + 1, values[i]);
        return statement.Step() ? statement.Int64(0) : 0;
    }

    /// <summary>The first column of all rows.</summary>
    public List<int> QueryNumbers(string sql)
    {
        using var statement = Prepare(sql);
        var numbers = new List<int>();
        while (statement.Step())
            numbers.Add((int)statement.Int64(0));
        return numbers;
    }

    /// <summary>The first column of all rows.</summary>
    public List<string> QueryTexts(string sql)
    {
        using var statement = Prepare(sql);
        var texts = new List<string>();
        while (statement.Step())
            texts.Add(statement.Text(0));
        return texts;
    }

    /// <summary>Runs one statement with integers and texts bound in order; a null binds NULL.</summary>
    public void Run(string sql, params ReadOnlySpan<object?> values)
    {
        using var statement = Prepare(sql);
        for (var i = 0; i < values.Length; i++)
            statement.Bind(i + 1, values[i]);
        while (statement.Step())
        {
        }
    }

    public StoreException Failure(string? what = null)
    {
        var message = raw.sqlite3_errmsg(_database).utf8_to_string() ?? "no memory";
        return new StoreException($"{_path}: cannot {what ?? _purpose} the database: {message}.");
    }

    public void Dispose()
    {
        if (_database is not null)
            _ = raw.sqlite3_close_v2(_database);
        _database = null;
    }

    private void Open(int flags)
    {
        if (raw.sqlite3_open_v2(_path, out _database, flags, null) == raw.SQLITE_OK)
            return;
        var failure = Failure("open");
        Dispose();
        throw failure;
    }
}
