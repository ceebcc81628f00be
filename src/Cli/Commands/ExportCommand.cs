using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Replay.Analyzer.Export;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Writes a database's views as Parquet.</summary>
internal sealed class ExportCommand : VerbCommand
{
    private readonly Argument<string> _database = new("DB") { Description = "A database made by 'replay run'" };
    private readonly Option<string> _to = new("--output", "-o", "--to") { Description = "The directory to make", HelpName = "DIR", Required = true };
    private readonly Option<string[]> _runs = new("--run") { Description = "Only this run, by number or name; repeatable (default: all complete runs)", HelpName = "RUN" };
    private readonly Option<string[]> _views = new("--view") { Description = "Only this view; repeatable (default: all but event)", HelpName = "VIEW" };
    private readonly Option<int> _ranges = new("--ranges")
    {
        Description = "Ranges of ordinals that each run is cut into, at most (default 16)",
        HelpName = "N",
        DefaultValueFactory = _ => 16,
    };

    private readonly Option<bool> _noHex = new("--no-hex") { Description = "Leave out the hexadecimal twins of addresses" };
    private readonly Option<bool> _force = new("--force") { Description = "Replace an earlier export" };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public ExportCommand()
        : base("export", "Write the public views as Parquet for DuckDB, ClickHouse, Spark: VIEW/run=N/from_ordinal=M/data.parquet.")
    {
        Arguments.Add(_database);
        Options.Add(_to);
        Options.Add(_runs);
        Options.Add(_views);
        Options.Add(_ranges);
        Options.Add(_noHex);
        Options.Add(_force);
        Options.Add(_json);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay export boot.db --to boot.parquet", "all views of all runs"),
        new("replay export boot.db --to writes --run ept --view table_write --no-hex", "the table writes of one run"),
        new("duckdb -c \"select function, count(*) from read_parquet('boot.parquet/table_write/**/*.parquet', hive_partitioning=true) where run = 1 group by all\"", "and a question to them"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        Outputs.Checked(arguments.GetRequiredValue(_to));
        using var database = Database.OpenRead(Inputs.Database(arguments.GetRequiredValue(_database)));
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay export: {warning}");
        var options = new ExportOptions
        {
            Runs = [.. (arguments.GetValue(_runs) ?? []).Select(run => Inputs.Run(database, run).Run)],
            Views = arguments.GetValue(_views) ?? [],
            Ranges = arguments.GetValue(_ranges) is > 0 and var ranges ? ranges : throw new UsageException("--ranges: at least 1."),
            WithoutHex = arguments.GetValue(_noHex),
            Overwrite = arguments.GetValue(_force),
        };
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var views = DatabaseExport.Write(
            database,
            arguments.GetRequiredValue(_to),
            options,
            (view, rows) => progress.Update(time => $"{view}: {Units.Count(rows)} rows, {Units.Rate(rows, time)}"),
            cancellation);
        var elapsed = progress.Elapsed;
        progress.Dispose();
        if (arguments.GetValue(_json))
            console.Out.WriteLine(JsonSerializer.Serialize(views, CommonOptions.JsonFormat));
        foreach (var view in views.Where(view => view.Rows > 0 && !arguments.GetValue(_json)))
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{view.View,-18} {view.Rows,12} rows {view.Files,5} files {view.Bytes,14} bytes"));
        console.Error.WriteLine($"{arguments.GetRequiredValue(_to)}: {Units.Count(views.Sum(view => view.Rows))} rows in {elapsed.TotalSeconds:0.0} s");
        return Task.FromResult(ExitCode.Done);
    }
}
