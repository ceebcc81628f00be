using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Replay.Analyzer.Export;
using Replay.Analyzer.Store;
using Replay.Cli.Exporting;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Writes a database's views as Parquet.</summary>
internal sealed class ExportCommand : VerbCommand
{
    private readonly Argument<string> _database = new("DB") { Description = "A database made by 'replay run'" };
    private readonly Option<string?> _to = new("--output", "-o", "--to") { Description = "The directory to make", HelpName = "DIR" };
    private readonly Option<bool> _csv = new("--csv") { Description = "CSV in place of Parquet; also where DIR ends in .csv" };
    private readonly Option<bool> _arrow = new("--arrow") { Description = "Arrow IPC files in place of Parquet; also where DIR ends in .arrow" };
    private readonly Option<string?> _perfetto = new("--perfetto")
    {
        Description = "Write one run as a trace for ui.perfetto.dev: exits and faults as nested slices, counters; an ordinal is a microsecond",
        HelpName = "FILE",
    };

    private readonly Option<string?> _walks = new("--walks") { Description = "Replay one run and write every table entry that its page walks read, with its physical address and level, as a stream for simulators (Parquet, or CSV where FILE ends in .csv)", HelpName = "FILE" };
    private readonly Option<string?> _reuse = new("--reuse") { Description = "Write the reuse distances of each guest page that the capture of one run accesses (Parquet, or .csv)", HelpName = "FILE" };
    private readonly Option<string?> _workingSet = new("--working-set") { Description = "Write how many guest pages each stretch of that capture accesses (Parquet, or .csv)", HelpName = "FILE" };
    private readonly Option<long?> _window = new("--window") { Description = "Ordinals of such a stretch (default: as many as make some hundred)", HelpName = "N" };
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
        : base("export", "Write the public views as Parquet, CSV or Arrow for DuckDB, ClickHouse, Spark (VIEW/run=N/from_ordinal=M/data.parquet), or of a run a trace for Perfetto, its page walks, the reuse of its pages.")
    {
        Arguments.Add(_database);
        Options.Add(_to);
        Options.Add(_csv);
        Options.Add(_arrow);
        Options.Add(_perfetto);
        Options.Add(_walks);
        Options.Add(_reuse);
        Options.Add(_workingSet);
        Options.Add(_window);
        _runs.TakesRunsOf(_database);
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
        new("replay export boot.db --perfetto boot.perfetto-trace --run ept", "one run for ui.perfetto.dev"),
        new("replay export boot.db --walks walks.parquet --run ept", "every entry that page walks read, for a simulator of TLBs and page walkers"),
        new("replay export boot.db --reuse reuse.csv --working-set pages.csv", "reuse distances by page, and the working set over time"),
        new("replay export boot.db --to boot.csv --csv --view table_write", "for tools that read neither Parquet nor Arrow"),
        new("duckdb -c \"select function, count(*) from read_parquet('boot.parquet/table_write/**/*.parquet', hive_partitioning=true) where run = 1 group by all\"", "and a question to them"),
    ];

    /// <summary>Who names it x.csv wants no Parquet in it.</summary>
    private ExportFormat Format(string to, ParseResult arguments)
    {
        if (arguments.GetValue(_csv) || arguments.GetValue(_arrow))
            return arguments.GetValue(_csv) ? ExportFormat.Csv : ExportFormat.Arrow;
        return Path.GetExtension(to).ToUpperInvariant() switch
        {
            ".CSV" => ExportFormat.Csv,
            ".ARROW" => ExportFormat.Arrow,
            _ => ExportFormat.Parquet,
        };
    }

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var to = arguments.GetValue(_to);
        var perfetto = arguments.GetValue(_perfetto);
        string?[] ofOneRun = [perfetto, arguments.GetValue(_walks), arguments.GetValue(_reuse), arguments.GetValue(_workingSet)];
        if (to is null && Array.TrueForAll(ofOneRun, file => file is null))
            throw new UsageException("--output DIR writes the views; --perfetto, --walks, --reuse and --working-set FILE something of one run: name at least one of them.");
        if (arguments.GetValue(_csv) && arguments.GetValue(_arrow))
            throw new UsageException("--csv and --arrow: choose one.");
        foreach (var made in (string?[])[to, .. ofOneRun])
        {
            if (made is not null)
                Outputs.Checked(made);
        }

        using var database = Database.OpenRead(Inputs.Database(arguments.GetRequiredValue(_database)));
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay export: {warning}");
        if (Array.Exists(ofOneRun, file => file is not null))
            WriteOfOneRun(database, arguments, console, cancellation);
        if (to is null)
            return Task.FromResult(ExitCode.Done);
        var options = new ExportOptions
        {
            Format = Format(to, arguments),
            Runs = [.. (arguments.GetValue(_runs) ?? []).Select(run => Inputs.Run(database, run).Run)],
            Views = arguments.GetValue(_views) ?? [],
            Ranges = arguments.GetValue(_ranges) is > 0 and var ranges ? ranges : throw new UsageException("--ranges: at least 1."),
            WithoutHex = arguments.GetValue(_noHex),
            Overwrite = arguments.GetValue(_force),
        };
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var views = DatabaseExport.Write(
            database,
            to,
            options,
            (view, rows) => progress.Update(time => $"{view}: {Units.Count(rows)} rows, {Units.Rate(rows, time)}"),
            cancellation);
        var elapsed = progress.Elapsed;
        progress.Dispose();
        if (arguments.GetValue(_json))
            console.Out.WriteLine(JsonSerializer.Serialize(views, CommonOptions.JsonFormat));
        foreach (var view in views.Where(view => view.Rows > 0 && !arguments.GetValue(_json)))
            console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{view.View,-18} {view.Rows,12} rows {view.Files,5} files {view.Bytes,14} bytes"));
        console.Error.WriteLine($"{to}: a folder of {options.Format}, {Units.Count(views.Sum(view => view.Rows))} rows in {elapsed.TotalSeconds:0.0} s");
        return Task.FromResult(ExitCode.Done);
    }

    private void WriteOfOneRun(Database database, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var runs = arguments.GetValue(_runs) ?? [];
        if (runs.Length > 1)
            throw new UsageException("--perfetto, --walks, --reuse, --working-set: each is of one run. Name it with --run.");
        if (arguments.GetValue(_window) is < 1 and var window)
            throw new UsageException($"--window {window}: at least 1.");
        var run = Inputs.Run(database, runs.Length == 1 ? runs[0] : null);
        var (force, isQuiet) = (arguments.GetValue(_force), arguments.GetValue(_quiet));
        if (arguments.GetValue(_perfetto) is { } perfetto)
            WritePerfetto(database, run, perfetto, force, isQuiet, console, cancellation);
        var exports = new CaptureExports(run, force, isQuiet, console, cancellation);
        if (arguments.GetValue(_walks) is { } walks)
            exports.WriteWalks(walks);
        var (reuse, workingSet) = (arguments.GetValue(_reuse), arguments.GetValue(_workingSet));
        if (reuse is not null || workingSet is not null)
            exports.WriteLocality(reuse, workingSet, arguments.GetValue(_window));
    }

    private static void WritePerfetto(Database database, RunRow run, string path, bool force, bool isQuiet, CliConsole console, CancellationToken cancellation) => Outputs.Whole(path, force, partial =>
    {
        using var progress = new ProgressLine(console, isQuiet);
        long slices;
        using (var output = File.Create(partial))
            slices = PerfettoExport.Write(database, run, output, done => progress.Update(time => $"{Units.Count(done)} slices, {Units.Rate(done, time)}"), cancellation);
        progress.Dispose();
        console.Error.WriteLine($"{path}: {Units.Of(slices, "slice")} of run {run.Run} ({run.Name})");
    });
}
