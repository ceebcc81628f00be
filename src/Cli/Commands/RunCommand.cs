using System.CommandLine;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Replays a capture into a database.</summary>
internal sealed class RunCommand : VerbCommand
{
    private readonly Argument<string> _capture = new("CAPTURE") { Description = "The capture to replay" };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "The database to make", HelpName = "PATH" };
    private readonly Option<string?> _to = new("--to")
    {
        Description = "A folder of histories as Parquet to add the runs to, TABLE/run=KEY/part-N.parquet; beside -o or instead of it; what is there is not made again",
        HelpName = "DIR",
    };

    private readonly ReplayPlanOptions _plan = new();
    private readonly Option<bool> _resume = new("--resume") { Description = "Go on where a run that was interrupted or killed was at its last checkpoint; the same history as in one go" };
    private readonly Option<double> _checkpoints = new("--checkpoint")
    {
        Description = "Seconds between checkpoints at least, 0 for none (default 10; further apart where one takes more than 1 % of them)",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => 10,
    };

    private readonly Option<bool> _append = new("--append") { Description = "Add the runs to an existing database" };
    private readonly Option<string?> _name = new("--name")
    {
        Description = "Name of the run, by which queries and diff find it; of several modes, what their names begin with (default: the mode, with a number behind it where it is taken)",
        HelpName = "NAME",
    };

    private readonly Option<bool> _rmap = new("--rmap") { Description = "Store changes of reverse maps too, about as many rows as table writes" };
    private readonly Option<string> _detail = new("--detail")
    {
        Description = "How much to store: all, leaf (leaf writes only) or counters (default all); told in the run's row",
        HelpName = "LEVEL",
        DefaultValueFactory = _ => "all",
    };

    private readonly Option<long?> _maxRows = new("--max-rows")
    {
        Description = "Store so many rows a run at most; counters, summaries and the hash stay those of the whole run; told in the run's row",
        HelpName = "N",
    };

    private readonly Option<string> _engine = new("--engine")
    {
        Description = "Who writes a new database's rows: pages (its large tables page by page, several times faster) or sqlite (SQLite alone); the rows are the same (default pages)",
        HelpName = "NAME",
        DefaultValueFactory = _ => "pages",
    };

    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _force = CommonOptions.Force();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public RunCommand()
        : base("run", "Replay a capture through KVM's MMU, in one or several modes, and store everything it did.")
    {
        Arguments.Add(_capture);
        _plan.AddTo(this);
        Options.Add(_output);
        Options.Add(_to);
        Options.Add(_name);
        Options.Add(_append);
        Options.Add(_resume);
        Options.Add(_checkpoints);
        _detail.TakesOneOf("all", "leaf", "counters");
        Options.Add(_detail);
        Options.Add(_rmap);
        Options.Add(_maxRows);
        _engine.TakesOneOf("pages", "sqlite");
        Options.Add(_engine);
        Options.Add(_json);
        Options.Add(_force);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay run boot.capture --mmu ept -o boot.db", "through EPT without the TDP MMU, as kernels before 5.10 build it"),
        new("replay run boot.capture --mmu ept --mmu ept-tdp -o boot.db --force", "two modes in one pass, two runs in one database"),
        new("replay run boot.capture --mmu ept -o boot.db --resume", "after Ctrl-C, a kill or a crash: the rest; begins where there is nothing to resume"),
        new("replay run boot.capture --mmu ept --mmu shadow --to histories", "as Parquet, a twelfth of the size of a database: then 'replay query histories @runs'"),
        new("replay run boot.capture --mmu ept --kernel 6.1 --kernel 6.12 -o kernels.db", "what another kernel would do: then 'replay diff kernels.db ept@6.1 ept@6.12'"),
        new("replay run boot.capture --mmu ept --host-pages thp --append --name huge -o boot.db", "another run beside the first, under a name of your own: then 'replay diff boot.db ept huge'"),
        new("replay run boot.capture --mmu npt --host-pages thp -o thp.db", "the host backs the guest with huge pages"),
        new("replay run boot.capture --mmu ept-tdp --host-pages thp --host-events migrate.jsonl -o migrate.db", "what if the host had logged dirty pages, aged, reclaimed, ballooned meanwhile (schemas/host-events.md)"),
        new("replay run boot.capture --mmu ept --module-param eptad=N -o noad.db", "a CPU without EPT accessed and dirty bits"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var output = arguments.GetValue(_output) is { } path ? Outputs.Checked(path) : null;
        var to = arguments.GetValue(_to) is { } directory ? Outputs.Checked(directory) : null;
        if (output is null && to is null)
            throw new UsageException("Name a database to make with -o, or a folder of Parquet to add to with --to.");
        var plan = _plan.Read(arguments, arguments.GetRequiredValue(_capture)) with { Name = Inputs.NewRunName(arguments.GetValue(_name)) };
        var store = new StoreOptions { Detail = Detail(arguments.GetValue(_detail)!), Rmap = arguments.GetValue(_rmap), MaxRows = MaxRows(arguments.GetValue(_maxRows)) };
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var checkpoints = new CheckpointPlan(Interval(arguments.GetValue(_checkpoints)), arguments.GetValue(_resume));
        var named = output ?? to!;
        void Tell(string text) => console.Error.WriteLine($"{named}: {text}");
        using var parts = to is null ? null : PartedReplay.Begin(plan, store, to, output);
        if (parts is { IsThere: true } && output is null)
        {
            Tell("has these runs already: nothing to do");
            return Task.FromResult(ExitCode.Done);
        }

        IReadOnlyList<ReplayResult> results;
        IReadOnlyList<string> unseen;
        IReadOnlyList<StoredRun> runs;
        using (var file = Open(parts?.Database ?? output!, parts?.Parts, arguments))
            (results, unseen, runs) = StoredReplay.Run(plan, file, store, checkpoints, Tell, (done, total) => progress.Update(time => Progress(done, total, time)), cancellation);
        parts?.Publish([.. runs.Select(run => run.Run)]);
        var elapsed = progress.Elapsed;
        progress.Dispose();
        if (results.Count == 0)
            return Task.FromResult(ExitCode.Done);
        if (arguments.GetValue(_json))
            RunReport.WriteJson(plan, results, unseen, console.Out, output is null ? [] : runs);
        else
            RunReport.Write(plan, results, console);
        RunReport.TellIfEmpty("replay run", plan, results, console);
        RunReport.TellVerdict("replay run", plan, results, unseen, arguments.GetValue(_json), console);
        Tell($"{Units.Of(results.Count, "run")} in {elapsed.TotalSeconds:0.0} s");
        return Task.FromResult(ExitCode.Done);
    }

    /// <summary>The line shown while a capture is replayed.</summary>
    internal static string Progress(long done, long total, TimeSpan time)
    {
        var left = done > 0 && total > done ? time * ((total - done) / (double)done) : TimeSpan.Zero;
        return $"{Units.Count(done)} of {Units.Count(total)} accesses ({100.0 * done / Math.Max(total, 1):0} %), {Units.Rate(done, time)}, {left.TotalSeconds:0} s left";
    }

    private static long? MaxRows(long? rows) => rows is null or > 0 ? rows : throw new UsageException("--max-rows: at least 1. '--detail counters' stores no rows.");

    private HistoryFile Open(string output, HistoryParts? parts, ParseResult arguments)
    {
        var (append, resume, force) = (arguments.GetValue(_append), arguments.GetValue(_resume), arguments.GetValue(_force));
        if (resume && force)
            throw new UsageException("--resume goes on with what is there, --force overwrites it: choose one.");
        var engine = Engine(arguments.GetValue(_engine)!);
        if (append && engine != StoreEngine.Pages)
            throw new UsageException("--engine: what is added to a database is always SQLite's. Leave it out with --append.");
        if (append && parts is { AreOnly: true })
            throw new UsageException("--append adds to a database: name it with -o. What --to names is always added to.");
        if (append)
            return HistoryFile.Append(Inputs.Database(output), parts);
        return resume ? HistoryFile.Resume(output, engine, parts) : HistoryFile.Create(output, force, engine, parts);
    }

    private static StoreEngine Engine(string text) => text switch
    {
        "pages" => StoreEngine.Pages,
        "sqlite" => StoreEngine.Sqlite,
        _ => throw new UsageException($"--engine {text}: {DidYouMean.Choose(text, ["pages", "sqlite"])}"),
    };

    private static TimeSpan Interval(double seconds) =>
        seconds is >= 0 and <= 1e6 ? TimeSpan.FromSeconds(seconds) : throw new UsageException("--checkpoint: seconds, 0 for none.");

    private static DetailLevel Detail(string text) => text switch
    {
        "all" => DetailLevel.All,
        "leaf" => DetailLevel.Leaf,
        "counters" => DetailLevel.Counters,
        _ => throw new UsageException($"--detail {text}: {DidYouMean.Choose(text, ["all", "leaf", "counters"])}"),
    };
}
