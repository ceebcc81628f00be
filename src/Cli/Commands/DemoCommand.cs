using System.CommandLine;
using System.Text.Json.Nodes;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Store;
using Replay.Cli.Demo;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Replays the bundled capture in three modes, stores all, compares them, and shows what happened.</summary>
internal sealed class DemoCommand : VerbCommand
{
    private const string FirstWrites =
        "select r.name as run, w.level, w.ordinal, w.table_id, w.idx, w.gfn_hex, w.new_hex, w.function from run as r "
        + "join table_write as w on w.run = r.run and w.seq in (select min(first_seq) from write_summary as s where s.run = r.run group by s.level) "
        + "order by w.run, w.level desc";

    private const string Contrast =
        "select r.name as run, "
        + "coalesce((select sum(exits) from exit_summary as s where s.run = r.run and s.reason = 'CR3_WRITE'), 0) as cr3_load_exits, "
        + "coalesce((select sum(exits) from exit_summary as s where s.run = r.run and s.reason in ('INVLPG', 'INVPCID')), 0) as invlpg_exits, "
        + "(select count(*) from root_change as c where c.run = r.run and c.operation = 'load') as roots_loaded, "
        + "(select value from counter as c where c.run = r.run and c.name = 'tlb_flushes') as tlb_flushes_by_kvm "
        + "from run as r order by r.run";

    private readonly Option<string> _database = new("--output", "-o", "--db")
    {
        Description = "The database to make (default: demo.db); an earlier demo's is replaced",
        HelpName = "FILE",
        DefaultValueFactory = _ => "demo.db",
    };

    private readonly Option<string?> _kernel = ReplayPlanOptions.Kernel();

    private readonly Option<bool> _json = CommonOptions.Json();

    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public DemoCommand()
        : base("demo", "Replay the bundled capture of a booting Linux kernel through EPT, twice, and through shadow paging, and compare them.")
    {
        Options.Add(_database);
        Options.Add(_kernel);
        Options.Add(_json);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay demo", "all there is to see in ten seconds; leaves demo.db"),
        new("replay demo --kernel 3.6", "who wrote the EPT tables of the first years, beside today's"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var path = Outputs.Checked(arguments.GetRequiredValue(_database));
        var script = DemoScript.For(arguments.GetValue(_kernel));
        var plan = new ReplayPlan
        {
            Capture = DemoCapture.Path,
            Modes = script.Modes,
            Kernels = script.Kernels,
            Threads = Environment.ProcessorCount,
        };
        if (arguments.GetValue(_json))
        {
            var replayed = Replay(plan, path, arguments, console, cancellation);
            console.Out.WriteLine(Json(script, plan, replayed, path, cancellation));
            return Task.FromResult(ExitCode.Done);
        }

        console.Lines().WriteLine("The capture: a real guest, recorded with 'replay record qemu'.");
        console.Out.WriteLine();
        using (var reader = CaptureReader.Open(plan.Capture))
            CaptureReport.Write("linux-boot.capture", reader.Manifest, nestedGuests: null, console.Lines());
        console.Out.WriteLine();
        var results = Replay(plan, path, arguments, console, cancellation);
        console.Lines().WriteLine(script.Title);
        RunReport.Write(plan, results, console);
        RunReport.TellVerdict("replay demo", plan, results, unseen: [], isJson: false, console);
        using var database = Database.OpenRead(path);
        var runner = new QueryRunner(database);
        Ask(runner, console, script.Contrast, Contrast, cancellation);
        foreach (var (a, b, title) in script.Comparisons)
            Compare(database, a, b, title, console, cancellation);
        Ask(runner, console, "When each level was first written, and by which function (@first-writes has the accesses and call chains):", FirstWrites, cancellation);
        foreach (var run in database.Runs.Where(run => run.Name != script.Alike))
        {
            console.Lines().WriteLine($"The tree of '{run.Name}' after the last event:");
            TableTree.Write(runner, run, console);
            console.Out.WriteLine();
        }

        GoOn(path, script.Comparisons[^1], console.Lines());
        return Task.FromResult(ExitCode.Done);
    }

    private static string Json(DemoScript script, ReplayPlan plan, IReadOnlyList<ReplayResult> results, string path, CancellationToken cancellation)
    {
        var runs = new StringWriter();
        RunReport.WriteJson(plan, results, unseen: [], runs);
        var capture = new StringWriter();
        using (var reader = CaptureReader.Open(plan.Capture))
            CaptureReport.WriteJson("linux-boot.capture", reader.Manifest, nestedGuests: null, capture);
        using var database = Database.OpenRead(path);
        var whole = new JsonObject
        {
            ["database"] = path,
            ["capture"] = JsonNode.Parse(capture.ToString()),
            ["runs"] = JsonNode.Parse(runs.ToString()),
            ["comparisons"] = new JsonArray([.. script.Comparisons.Select(pair =>
                JsonNode.Parse(DiffJson.Text(RunComparison.Of(DiffSide.Find(database, pair.A), DiffSide.Find(database, pair.B), cancellation: cancellation))))]),
        };
        return whole.ToJsonString(CommonOptions.JsonFormat);
    }

    private IReadOnlyList<ReplayResult> Replay(ReplayPlan plan, string path, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        using var file = HistoryFile.Create(path, overwrite: true);
        return StoredReplay.Run(plan, file, StoreOptions.Default, CheckpointPlan.None, _ => { }, (done, total) => progress.Update(time => RunCommand.Progress(done, total, time)), cancellation).Results;
    }

    private static void Ask(QueryRunner runner, CliConsole console, string title, string query, CancellationToken cancellation)
    {
        console.Out.WriteLine();
        console.Lines().WriteLine(title);
        using var execution = query.StartsWith('@')
            ? runner.Execute(CannedQueries.Find(query), cancellation: cancellation)
            : runner.Execute(query, cancellation: cancellation);
        new TableFormat(console.Width).WriteAll(execution, console.Out);
        console.Out.WriteLine();
    }

    private static void Compare(Database database, string a, string b, string title, CliConsole console, CancellationToken cancellation)
    {
        console.Lines().WriteLine(title);
        DiffReport.WriteSummary(RunComparison.Of(DiffSide.Find(database, a), DiffSide.Find(database, b), cancellation: cancellation), console);
        console.Out.WriteLine();
    }

    private static void GoOn(string path, (string A, string B, string Title) pair, TextWriter output)
    {
        output.WriteLine("Go on with:");
        output.WriteLine($"  replay diff {path} {pair.A} {pair.B} -o demo.html  the comparison with charts, in one file");
        output.WriteLine($"  replay query {path} --list                      the canned queries");
        output.WriteLine($"  replay query {path} @hot-gfns                   which guest frames cost the most");
        output.WriteLine($"  replay shell {path}                             question after question");
        output.WriteLine($"  replay events {path} --run {pair.A} -n 40            what KVM did, in order");
        output.WriteLine($"  replay query {path} @pml4-at                    what the PML4 held after the last event");
        output.WriteLine("  replay record qemu -o my.capture -- QEMU-ARGS      record a guest of your own");
    }
}
