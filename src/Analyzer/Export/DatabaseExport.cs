using Replay.Analyzer.Query;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Analyzer.Export;

/// <summary>
/// Writes public views as Parquet, CSV or Arrow: <c>VIEW/run=N/from_ordinal=M/data.parquet</c>, a layout that DuckDB, ClickHouse, Spark and Polars read as
/// one table each, and of which they read only the runs and ranges that a query wants. Views without ordinals have no
/// <c>from_ordinal</c>. What the path says is no column of the file.
/// </summary>
public sealed class DatabaseExport
{
    private const string RunColumn = "run";
    private const string Ordinal = "ordinal";
    private const string Seq = "seq";

    private readonly QueryRunner _runner;
    private readonly ExportOptions _options;
    private readonly IReadOnlyList<RunRow> _runs;
    private readonly IReadOnlyList<ViewDefinition> _views;
    private readonly string _database;
    private readonly Action<string, long>? _progress;
    private readonly CancellationToken _cancellation;
    private long _rows;

    private DatabaseExport(Database database, ExportOptions options, Action<string, long>? progress, CancellationToken cancellation)
    {
        _database = database.Path;
        _runner = new QueryRunner(database);
        _options = options;
        _progress = progress;
        _cancellation = cancellation;
        _runs = [.. database.Runs.Where(run => options.Runs.Count == 0 ? run.Complete : options.Runs.Contains(run.Run))];
        _views = options.Views.Count == 0
            ? [.. ViewDefinition.All.Where(view => view.Name != "event")]
            : [.. options.Views.Select(Find)];
    }

    /// <summary>Exports to a directory, whole or not at all.</summary>
    /// <param name="database">From.</param>
    /// <param name="directory">To.</param>
    /// <param name="options">What.</param>
    /// <param name="progress">Told the view in hand and the rows written so far.</param>
    /// <param name="cancellation">Stops it; nothing is left behind.</param>
    /// <exception cref="DatabaseExistsException">The directory is there and may not be replaced.</exception>
    /// <exception cref="QueryException">There is no such view.</exception>
    public static IReadOnlyList<ExportedView> Write(
        Database database, string directory, ExportOptions options, Action<string, long>? progress = null, CancellationToken cancellation = default)
    {
        var export = new DatabaseExport(database, options, progress, cancellation);
        using var folder = ExportFolder.Create(directory, options.Overwrite);
        var views = export._views.Select(view => export.WriteView(view, folder.Path)).ToList();
        folder.Publish(export._database, export._runs, views);
        return views;
    }

    private static ViewDefinition Find(string name) =>
        ViewDefinition.All.FirstOrDefault(view => view.Name == name)
        ?? throw new QueryException($"there is no view {name}.{DidYouMean.Ask(name, ViewDefinition.All.Select(view => view.Name), "'replay schema' describes them all.")}");

    private ExportedView WriteView(ViewDefinition view, string root)
    {
        var total = new ExportedView(view.Name, 0, 0, 0);
        var folder = Path.Combine(root, view.Name);
        Directory.CreateDirectory(folder);
        if (view.Name == RunColumn)
            return Add(total, WriteFile(view, $"run IN ({string.Join(", ", _runs.Select(run => run.Run))})", folder, withRun: true));
        if (view.Columns[0].Name != RunColumn)
            return Add(total, WriteFile(view, "true", folder, withRun: true));
        foreach (var run in _runs)
        {
            var ofRun = Path.Combine(folder, $"run={run.Run}");
            if (view.Columns.Any(column => column.Name == Ordinal))
            {
                foreach (var (first, last) in Ranges(run))
                {
                    var where = $"run = {run.Run} AND ordinal BETWEEN {first} AND {last}";
                    total = Add(total, WriteFile(view, where, Path.Combine(ofRun, $"from_ordinal={first}"), withRun: false));
                }
            }
            else
            {
                total = Add(total, WriteFile(view, $"run = {run.Run}", ofRun, withRun: false));
            }
        }

        return total;
    }

    /// <summary>Ranges as wide as a power of two, so that those of all runs of a capture begin at the same ordinals.</summary>
    private IEnumerable<(long First, long Last)> Ranges(RunRow run)
    {
        var last = run.LastOrdinal ?? 0;
        var width = 1L;
        while (last / width >= _options.Ranges)
            width *= 2;
        for (var first = 0L; first <= last; first += width)
            yield return (first, first + width > last ? long.MaxValue : first + width - 1);
    }

    /// <returns>Rows and bytes; a file without rows is not made.</returns>
    private (long Rows, long Bytes) WriteFile(ViewDefinition view, string where, string folder, bool withRun)
    {
        var columns = view.Columns.Where(column => (withRun || column.Name != RunColumn) && !(_options.WithoutHex && column.Type == "hex")).ToList();
        var order = columns.Any(column => column.Name == Ordinal) ? columns.Any(column => column.Name == Seq) ? " ORDER BY ordinal, seq" : " ORDER BY ordinal" : "";
        var sql = $"SELECT {string.Join(", ", columns.Select(column => column.Name))} FROM {view.Name} WHERE {where}{order}";
        using var rows = _runner.Execute(sql, cancellation: _cancellation);
        rows.NextResult();
        if (!rows.Read())
            return (0, 0);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"data.{ViewWriter.Extension(_options.Format)}");
        using var file = ViewWriter.Create(_options.Format, path, columns);
        do
        {
            file.Write(rows);
            if ((++_rows & 0xfff) == 0)
                _progress?.Invoke(view.Name, _rows);
        }
        while (rows.Read());
        file.Finish();
        return (file.Rows, new FileInfo(path).Length);
    }

    private static ExportedView Add(ExportedView total, (long Rows, long Bytes) file) =>
        total with { Rows = total.Rows + file.Rows, Files = total.Files + (file.Rows > 0 ? 1 : 0), Bytes = total.Bytes + file.Bytes };
}
