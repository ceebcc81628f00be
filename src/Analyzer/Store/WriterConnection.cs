using System.Runtime.InteropServices;

namespace Replay.Analyzer.Store;

/// <summary>A connection for writing, without the layers that cost time per row. One thread uses it at a time.</summary>
internal sealed class WriterConnection : IDisposable
{
    private readonly string _path;
    private nint _database;

    private WriterConnection(string path, nint database)
    {
        _path = path;
        _database = database;
    }

    /// <summary>Opens the file, which is made if <paramref name="create"/> and it is not there.</summary>
    /// <exception cref="StoreException">It cannot be opened.</exception>
    public static WriterConnection Open(string path, bool create)
    {
        var flags = NativeSqlite.OpenReadWrite | NativeSqlite.OpenNoMutex | (create ? NativeSqlite.OpenCreate : 0);
        var result = NativeSqlite.Open(path, out var database, flags, 0);
        var connection = new WriterConnection(path, database);
        if (result == NativeSqlite.Ok)
            return connection;
        var failure = connection.Failure("open");
        connection.Dispose();
        throw failure;
    }

    /// <summary>Runs statements that return nothing.</summary>
    public void Execute(string sql)
    {
        if (NativeSqlite.Execute(_database, sql, 0, 0, 0) != NativeSqlite.Ok)
            throw Failure("write");
    }

    public WriterStatement Prepare(string sql)
    {
        if (NativeSqlite.Prepare(_database, sql, -1, NativeSqlite.PreparePersistent, out var statement, 0) != NativeSqlite.Ok)
            throw Failure("write");
        return new WriterStatement(this, statement);
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

    public StoreException Failure(string what)
    {
        var message = Marshal.PtrToStringUTF8(NativeSqlite.ErrorMessage(_database)) ?? "no memory";
        return new StoreException($"{_path}: cannot {what} the database: {message}.");
    }

    public void Dispose()
    {
        if (_database != 0)
            _ = NativeSqlite.Close(_database);
        _database = 0;
    }
}
