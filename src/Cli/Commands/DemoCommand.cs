using System.CommandLine;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Store;
using Replay.Cli.Demo;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Replays the bundled capture in two modes, stores both, and shows what happened.</summary>
internal sealed class DemoCommand : VerbCommand
{
    private const string FirstWrites =
        "select r.name as run, w.level, w.ordinal, w.table_id, w.idx, w.gfn_hex, w.new_hex, w.function from run as r "
        + "join table_write as w on w.run = r.run and w.seq in (select min(first_seq) from write_summary as s where s.run = r.run group by s.level) "
        + "order by w.run, w.level desc";

    private static readonly MmuMode[] Modes = [MmuMode.Ept, MmuMode.EptTdp];

    private readonly Option<string> _database = new("--db")
    {
        Description = "The database to make (default: demo.db); an earlier demo's is replaced",
        HelpName = "FILE",
        DefaultValueFactory = _ => "demo.db",
    };

    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public DemoCommand()
        : base("demo", "Replay the bundled capture of a booting Linux kernel through EPT, twice: shadow-MMU code and TDP MMU.")
    {
        Options.Add(_database);
        Options.Add(_quiet);
    }

    public override IReadOnlyList<Example> Examples { get; } = [new("replay demo", "all there is to see in one minute; leaves demo.db")];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var path = arguments.GetRequiredValue(_database);
        var plan = new ReplayPlan { Capture = DemoCapture.Path, Modes = Modes, Threads = Environment.ProcessorCount };
        console.Out.WriteLine("The capture: a real guest, recorded with 'replay record qemu'.");
        console.Out.WriteLine();
        using (var reader = CaptureReader.Open(plan.Capture))
            CaptureReport.Write("linux-boot.capture", reader.Manifest, console);
        console.Out.WriteLine();
        var results = Replay(plan, path, arguments, console, cancellation);
        console.Out.WriteLine("The same accesses through two MMUs of KVM:");
        RunReport.Write(Modes, results, console);
        using var database = Database.OpenRead(path);
        var runner = new QueryRunner(database);
        Ask(runner, console, "Why the guest left: @exits-by-reason", "@exits-by-reason", cancellation);
        Ask(runner, console, "When each level was first written, and by which function (@first-writes has the accesses and call chains):", FirstWrites, cancellation);
        Ask(runner, console, "Who writes what: @writes-by-level", "@writes-by-level", cancellation);
        foreach (var run in database.Runs)
        {
            console.Out.WriteLine($"The tree of '{run.Name}' after the last event:");
            TableTree.Write(runner, run, console);
            console.Out.WriteLine();
        }

        GoOn(path, console.Out);
        return Task.FromResult(ExitCode.Done);
    }

    private IReadOnlyList<ReplayResult> Replay(ReplayPlan plan, string path, ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        using var file = HistoryFile.Create(path, overwrite: true);
        return StoredReplay.Run(plan, file, StoreOptions.Default, (done, total) => progress.Update(time => RunCommand.Progress(done, total, time)), cancellation);
    }

    private static void Ask(QueryRunner runner, CliConsole console, string title, string query, CancellationToken cancellation)
    {
        console.Out.WriteLine();
        console.Out.WriteLine(title);
        using var execution = query.StartsWith('@')
            ? runner.Execute(CannedQueries.Find(query), cancellation: cancellation)
            : runner.Execute(query, cancellation: cancellation);
        new TableFormat().WriteAll(execution, console.Out);
        console.Out.WriteLine();
    }

    private static void GoOn(string path, TextWriter output)
    {
        output.WriteLine("Go on with:");
        output.WriteLine($"  replay query {path} --list                      the canned queries");
        output.WriteLine($"  replay query {path} @hot-gfns                   which guest frames cost the most");
        output.WriteLine($"  replay query {path} \"select * from table_write where level = 4\"");
        output.WriteLine($"  replay events {path} --run ept -n 40            what KVM did, in order");
        output.WriteLine($"  replay query {path} @pml4-at -p ordinal=0       what the PML4 held after an event");
        output.WriteLine("  replay record qemu -o my.capture -- QEMU-ARGS      record a guest of your own");
    }
}
