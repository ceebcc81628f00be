using System.Diagnostics;
using System.Text;
using Microsoft.AspNetCore.Http;
using Replay.Analyzer.Export;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Explorer.Data;
using Replay.Explorer.Http;

namespace Replay.Explorer.Api;

/// <summary><c>/query.json</c>, <c>.csv</c>, <c>.parquet</c>: SQL or a canned query, within limits that the answer tells of. <c>/queries.json</c>: the canned ones.</summary>
internal static class QueryApi
{
    private const string ParameterPrefix = "p.";
    private const long LargestExact = 1L << 53;

    public static object List(Request request)
    {
        if (request.Text("q") is { } name)
            _ = CannedQueries.Find(name);
        return new
        {
            queries = CannedQueries.All.Select(query => new
            {
                query.Name,
                query.Title,
                query.Description,
                query.Sql,
                parameters = query.Parameters.Select(parameter => new { parameter.Name, type = parameter.Type.ToString().ToLowerInvariant(), parameter.Default, parameter.Description }),
            }).ToList(),
        };
    }

    public static object Answer(Shelf shelf, Request request, ExplorerOptions options)
    {
        using var session = Borrow(shelf, request);
        var limits = Limits(request, options);
        var hints = new List<string>();
        var watch = Stopwatch.StartNew();
        using var execution = Start(session, request, limits, hints);
        var results = new List<object>();
        var found = 0;
        while (execution.NextResult())
        {
            var rows = new List<object?[]>();
            while (execution.Read())
                rows.Add(Row(execution));
            found += rows.Count;
            results.Add(new { columns = execution.Columns, rows, end = End(execution.End) });
        }

        if (request.Text("sql") is null && found == 0 && execution.End == QueryEnd.Complete)
            hints.Add(EmptyAnswer.Explain(CannedQueries.Find(request.Needed("q")), Arguments(request), session.Runner, session.Database));
        return new { results, hints, milliseconds = Math.Round(watch.Elapsed.TotalMilliseconds, 1), limits = new { rows = limits.Rows, seconds = limits.Time?.TotalSeconds } };
    }

    /// <summary>Rows to keep, as they are read: without a limit on rows, since nobody draws them.</summary>
    /// <returns>False: the path names no file to download.</returns>
    public static async Task<bool> TryDownloadAsync(string path, Request request, Shelf shelf, ExplorerOptions options, HttpContext context)
    {
        if (path is not ("/query.csv" or "/query.parquet" or "/query.jsonl"))
            return false;
        var file = Path.Combine(Path.GetTempPath(), $"replay-{Guid.NewGuid():n}");
        try
        {
            await Task.Run(() => WriteFile(path, request, shelf, options, file), request.Cancellation).ConfigureAwait(false);
            context.Response.ContentType = Path.GetExtension(path) switch { ".csv" => "text/csv; charset=utf-8", ".jsonl" => "application/jsonl; charset=utf-8", _ => "application/vnd.apache.parquet" };
            context.Response.Headers.ContentDisposition = $"attachment; filename=\"{request.Text("q") ?? "query"}{Path.GetExtension(path)}\"".Replace("\r", "").Replace("\n", "");
            var content = File.OpenRead(file);
            await using (content.ConfigureAwait(false))
                await content.CopyToAsync(context.Response.Body, request.Cancellation).ConfigureAwait(false);
        }
        finally
        {
            File.Delete(file);
        }

        return true;
    }

    private static void WriteFile(string path, Request request, Shelf shelf, ExplorerOptions options, string file)
    {
        using var session = Borrow(shelf, request);
        var limits = new QueryLimits { Time = options.Timeout };
        var end = path.EndsWith(".parquet", StringComparison.Ordinal)
            ? RowsFile.Write(() => Start(session, request, limits), file).End
            : WriteText(session, request, limits, ResultFormat.Find(Path.GetExtension(path)[1..])!, file);
        if (end == QueryEnd.TimeLimit)
            throw RequestProblem.Unavailable($"stopped after {options.Timeout.TotalSeconds:0} s; nothing was downloaded. Choose a shorter range, or start with a longer --timeout.");
    }

    private static QueryEnd WriteText(Session session, Request request, QueryLimits limits, ResultFormat format, string file)
    {
        using var execution = Start(session, request, limits);
        if (!execution.NextResult())
            throw new QueryException("the SQL has no result.");
        using var writer = new StreamWriter(file, append: false, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        format.Write(execution, writer);
        return execution.End;
    }

    private static Session Borrow(Shelf shelf, Request request) =>
        request.Text("db") is { } name ? shelf.Find(name).Borrow(request.Cancellation) : shelf.Open(request.Text("run"), request.Cancellation).Session;

    private static QueryLimits Limits(Request request, ExplorerOptions options) => new()
    {
        Rows = Math.Clamp(request.Number("rows") ?? options.MaxRows, 1, options.MaxRows),
        Time = options.Timeout,
    };

    private static QueryExecution Start(Session session, Request request, QueryLimits limits, List<string>? hints = null)
    {
        var arguments = Arguments(request);
        if (request.Text("sql") is { } sql)
        {
            var meant = MeantQuery.Of(sql, session.Database, arguments.ToDictionary(pair => pair.Key, pair => SqlValue.Parse(pair.Value), StringComparer.Ordinal));
            hints?.AddRange(meant.Notes);
            hints?.AddRange(QueryHints.For(meant.Sql, session.Database));
            return session.Runner.Execute(meant.Sql, meant.Parameters, limits, request.Cancellation);
        }

        var query = CannedQueries.Find(request.Needed("q"));
        hints?.AddRange(QueryHints.For(query.Sql, session.Database));
        return session.Runner.Execute(query, arguments, limits, request.Cancellation);
    }

    private static Dictionary<string, string> Arguments(Request request) =>
        request.Query.Where(pair => pair.Key.StartsWith(ParameterPrefix, StringComparison.Ordinal) && !string.IsNullOrEmpty(pair.Value[0]))
            .ToDictionary(pair => pair.Key[ParameterPrefix.Length..], pair => pair.Value[0]!, StringComparer.Ordinal);

    private static object?[] Row(QueryExecution execution)
    {
        var row = new object?[execution.Columns.Count];
        for (var i = 0; i < row.Length; i++)
        {
            var value = execution[i];
            row[i] = value.Kind switch
            {
                SqlValueKind.Null => null,
                // Readers that keep numbers as doubles would change it.
                SqlValueKind.Integer when value.Integer is > LargestExact or < -LargestExact => value.ToString(),
                SqlValueKind.Integer => value.Integer,
                SqlValueKind.Real when double.IsFinite(value.Real) => value.Real,
                _ => value.ToString(),
            };
        }

        return row;
    }

    private static string End(QueryEnd end) => end switch
    {
        QueryEnd.RowLimit => "rows",
        QueryEnd.TimeLimit => "time",
        _ => "complete",
    };
}
