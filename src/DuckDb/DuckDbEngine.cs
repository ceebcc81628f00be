using DuckDB.NET.Data;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Folders;

namespace Replay.DuckDb;

/// <summary>Asks folders of Parquet with DuckDB. The tool finds it by its name.</summary>
public sealed class DuckDbEngine : IFolderEngine
{
    public string Name => $"DuckDB.NET {typeof(DuckDBConnection).Assembly.GetName().Version}";

    public IFolderConnection Open(IReadOnlyList<string> folders) => new DuckDbFolders(folders);
}

/// <summary>
/// DuckDB with nothing in it but views over the folders. It may read these and nothing else, neither files nor the network, may not write, and
/// its settings are locked before the first query.
/// </summary>
internal sealed class DuckDbFolders : IFolderConnection
{
    private const string Memory = "1GiB";
    private const string Temporary = "20GiB";

    private readonly DuckDBConnection _connection = new("DataSource=:memory:");
    private readonly IReadOnlyList<string> _folders;

    public DuckDbFolders(IReadOnlyList<string> folders)
    {
        _folders = folders;
        _connection.Open();
        try
        {
            if (folders.Any(IsRemote))
                Run("INSTALL httpfs; LOAD httpfs; CREATE SECRET (TYPE s3, PROVIDER config" + Secret() + ")");
            foreach (var setting in DuckDbSql.Settings)
                Run(setting);
            Run($"SET memory_limit = '{Memory}'");
            Run($"SET temp_directory = '{Quoted(Path.Combine(Path.GetTempPath(), $"replay-duckdb-{Environment.ProcessId}"))}'");
            Run($"SET max_temp_directory_size = '{Temporary}'");
            Run("SET autoinstall_known_extensions = false");
            Run("SET autoload_known_extensions = false");
            Run($"SET allowed_directories = [{string.Join(", ", folders.Select(folder => $"'{Quoted(folder.TrimEnd('/'))}/'"))}]");
            Run("SET enable_external_access = false");
            Run("SET lock_configuration = true");
        }
        catch (DuckDBException exception)
        {
            _connection.Dispose();
            throw new QueryException($"DuckDB cannot open {string.Join(", ", folders)}: {exception.Message.ReplaceLineEndings(" ")}");
        }
    }

    public IQueryExecution Execute(string sql, IReadOnlyDictionary<string, SqlValue> parameters, QueryLimits limits, CancellationToken cancellation)
    {
        var statements = DuckDbSql.Statements(sql).ToList();
        if (statements.Select(DuckDbSql.Refused).FirstOrDefault(refused => refused is not null) is { } refused)
            throw new QueryException($"a query may only read: {refused} {(refused is "transactions" or "statements that write" ? "are" : "is")} refused.");
        try
        {
            Run("DROP SCHEMA IF EXISTS asked CASCADE; CREATE SCHEMA asked; USE asked");
            foreach (var view in FolderViews.For(_folders, sql))
                Run(view);
        }
        catch (DuckDBException exception)
        {
            throw DuckDbExecution.Failure(exception);
        }

        return new DuckDbExecution(_connection, statements, parameters, limits, cancellation);
    }

    public void Dispose() => _connection.Dispose();

    internal static bool IsRemote(string folder) => folder.Contains("://", StringComparison.Ordinal);

    private static string Quoted(string text) => text.Replace("'", "''", StringComparison.Ordinal);

    /// <summary>As the tools of S3 take it from the environment.</summary>
    private static string Secret()
    {
        (string Name, string Setting)[] known = [("AWS_ACCESS_KEY_ID", "KEY_ID"), ("AWS_SECRET_ACCESS_KEY", "SECRET"), ("AWS_SESSION_TOKEN", "SESSION_TOKEN"), ("AWS_REGION", "REGION")];
        var secret = string.Concat(known.Select(pair => Environment.GetEnvironmentVariable(pair.Name) is { Length: > 0 } value ? $", {pair.Setting} '{Quoted(value)}'" : ""));
        if (Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL") is not { Length: > 0 } address || !Uri.TryCreate(address, UriKind.Absolute, out var uri))
            return secret;
        return secret + $", ENDPOINT '{Quoted(uri.Authority)}', URL_STYLE 'path', USE_SSL {(uri.Scheme == "https" ? "true" : "false")}";
    }

    private void Run(string sql)
    {
        using var command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
