using Replay.Trace;

namespace Replay.Analyzer.Query.Folders;

/// <summary>Asks folders of Parquet. What does it is an assembly of its own, which need not be there.</summary>
public interface IFolderEngine
{
    /// <summary>Its name and version.</summary>
    string Name { get; }

    /// <param name="folders">Paths, or addresses such as <c>s3://bucket/folder</c>.</param>
    IFolderConnection Open(IReadOnlyList<string> folders);
}

/// <summary>Folders that can be asked.</summary>
public interface IFolderConnection : IDisposable
{
    /// <summary>Starts statements; they run as their results are read.</summary>
    /// <inheritdoc cref="QueryRunner.Execute(string, IReadOnlyDictionary{string, SqlValue}?, QueryLimits?, CancellationToken)"/>
    IQueryExecution Execute(string sql, IReadOnlyDictionary<string, SqlValue> parameters, QueryLimits limits, CancellationToken cancellation);
}

/// <summary>Asks a folder as <see cref="QueryRunner"/> asks a database.</summary>
public sealed class FolderRunner(IFolderConnection connection, string path)
{
    private List<(long Run, string Name)>? _runs;

    /// <inheritdoc cref="QueryRunner.Execute(string, IReadOnlyDictionary{string, SqlValue}?, QueryLimits?, CancellationToken)"/>
    public IQueryExecution Execute(
        string sql, IReadOnlyDictionary<string, SqlValue>? parameters = null, QueryLimits? limits = null, CancellationToken cancellation = default)
    {
        if (string.IsNullOrWhiteSpace(sql))
            throw new QueryException("no SQL given. Pass it as an argument, with -f FILE, or pipe it in.");
        return connection.Execute(sql, parameters ?? new Dictionary<string, SqlValue>(), limits ?? QueryLimits.None, cancellation);
    }

    /// <summary>SQL of a user's as it was meant.</summary>
    public MeantQuery Meant(string sql, IReadOnlyDictionary<string, SqlValue> parameters) => MeantQuery.Of(sql, () => _runs ??= Runs(), parameters);

    /// <summary>Starts a canned query.</summary>
    /// <inheritdoc cref="QueryRunner.Execute(CannedQuery, IReadOnlyDictionary{string, string}?, QueryLimits?, CancellationToken)"/>
    public IQueryExecution Execute(CannedQuery query, IReadOnlyDictionary<string, string> arguments, QueryLimits? limits = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(query);
        if (query.NeedsDatabase)
            throw new QueryException($"@{query.Name} asks for what a folder of Parquet does not have (the clock of a trace, the guest's CR3, companion runs), or in SQLite's SQL alone: ask a database.");
        return Execute(query.Sql, query.Bind(arguments, (sql, values) => Execute(sql, values, null, cancellation), "(SELECT min(run) FROM run)", FindRun), limits, cancellation);
    }

    /// <summary>By number, or by name where one run alone has it.</summary>
    private long FindRun(string text)
    {
        _runs ??= Runs();
        var found = _runs.Where(run => run.Name == text || run.Run.ToString(System.Globalization.CultureInfo.InvariantCulture) == text).ToList();
        const string All = "'replay query DIR @runs' lists them.";
        return found.Count == 1
            ? found[0].Run
            : throw new QueryException(found.Count == 0
                ? $"{path}: has no run {text}.{DidYouMean.Ask(text, _runs.Select(run => run.Name), All)}"
                : $"{path}: {found.Count} runs are named {text}: give a number. {All}");
    }

    private List<(long Run, string Name)> Runs()
    {
        using var rows = Execute("SELECT run, name FROM run ORDER BY run");
        var runs = new List<(long, string)>();
        rows.NextResult();
        while (rows.Read())
            runs.Add((rows[0].Integer, rows[1].ToString()));
        return runs;
    }
}
