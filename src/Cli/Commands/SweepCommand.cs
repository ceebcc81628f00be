using System.CommandLine;
using System.Text.Json;
using Replay.Cli.Sweeping;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Replays a matrix of guests and variants, here or on a cluster.</summary>
internal sealed class SweepCommand : VerbCommand
{
    private readonly Argument<string?> _plan = new("PLAN") { Description = "The plan, a TOML file (docs/sweep.md)", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _to = new("--to") { Description = "The folder of the sweep, which is made if it is not there", HelpName = "DIR" };
    private readonly Option<bool> _dryRun = new("--dry-run", "-n") { Description = "Say what would be done, and how much" };
    private readonly Option<int> _slots = new("--slots") { Description = "Tasks at a time (default: the processors)", HelpName = "N", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly Option<string?> _for = new("--for") { Description = "Run nothing here; write what a scheduler takes: slurm, kubernetes or parallel", HelpName = "SCHEDULER" };
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _quiet = CommonOptions.Quiet();

    public SweepCommand()
        : base("sweep", "Replay a matrix of guests x modes x kernels x hosts x page sizes x parameters, here or on a cluster.")
    {
        Arguments.Add(_plan);
        foreach (var option in (Option[])[_to, _dryRun, _slots, _for, _json, _quiet])
            Options.Add(option);
        Subcommands.Add(new SweepTaskCommand());
        Subcommands.Add(new SweepStatusCommand());
        Subcommands.Add(new SweepCollectCommand());
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay sweep plan.toml --to matrix --dry-run", "what it comes to"),
        new("replay sweep plan.toml --to matrix --slots 8", "all of it here; again after Ctrl-C: the rest"),
        new("replay sweep plan.toml --to matrix --for slurm", "then 'sbatch matrix/sweep.sbatch'"),
        new("replay sweep collect matrix", "the table and the page with plots"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var to = Path.GetFullPath(Outputs.Checked(arguments.GetValue(_to) ?? throw new UsageException("Name the folder of the sweep: --to DIR.")));
        var plan = SweepPlan.Read(arguments.GetValue(_plan) ?? throw new UsageException("Name a plan: 'replay sweep PLAN.toml --to DIR'."));
        var slots = arguments.GetValue(_slots) is > 0 and var number ? number : throw new UsageException("--slots: at least 1.");
        var tasks = plan.Tasks();
        var isDry = arguments.GetValue(_dryRun);
        var there = SweepFolder.Is(to) ? SweepFolder.Open(to) : null;
        var left = tasks.Where(task => there?.StateOf(task) != SweepState.Done).ToList();
        Tell(plan, tasks, left.Count, arguments.GetValue(_json) && isDry, console);
        if (isDry)
            return ExitCode.Done;
        var folder = SweepFolder.Make(to, plan.Detail, tasks);
        if (arguments.GetValue(_for) is { } scheduler)
        {
            Write(folder, scheduler, slots, console);
            return ExitCode.Done;
        }

        using var progress = new ProgressLine(console, arguments.GetValue(_quiet));
        var failed = await Slots.Run(folder, left, slots, (done, bad, all) => progress.Update(time => Slots.Line(done, bad, all, time)), cancellation).ConfigureAwait(false);
        progress.Dispose();
        console.Error.WriteLine($"{to}: {Units.Of(left.Count - failed, "task")} done, {failed} failed. 'replay sweep collect {to}' makes the table and the page.");
        return failed == 0 ? ExitCode.Done : ExitCode.Different;
    }

    private static void Tell(SweepPlan plan, IReadOnlyList<SweepTask> tasks, int left, bool json, CliConsole console)
    {
        var accesses = tasks.Sum(task => task.Accesses ?? 0);
        if (json)
        {
            console.Out.WriteLine(JsonSerializer.Serialize(new { tasks = tasks.Count, left, accesses, plan.Excluded, plan.Impossible, list = tasks }, JsonSerializerOptions.Web));
            return;
        }

        var dimensions = SweepTask.Dimensions.Select(name => (name, count: tasks.Select(task => task.Value(name)).Distinct().Count())).Where(pair => pair.count > 1 || pair.name == "guest");
        console.Error.WriteLine($"{Units.Of(tasks.Count, "task")}: {string.Join(" x ", dimensions.Select(pair => $"{pair.count} {pair.name}"))}; {left} left, {Units.Count(accesses)} accesses in all"
            + (plan.Excluded > 0 ? $"; {plan.Excluded} excluded" : "") + (plan.Impossible > 0 ? $"; {plan.Impossible} left out that no host or kernel can be" : ""));
    }

    private static void Write(SweepFolder folder, string scheduler, int slots, CliConsole console)
    {
        (string Name, string Text)[] files = scheduler switch
        {
            "slurm" => [("sweep.sbatch", Schedulers.Slurm(folder.Directory, folder.All.Count, slots))],
            "kubernetes" => [("sweep-job.yaml", Schedulers.Kubernetes(folder.All.Count, slots)), ("Containerfile", Schedulers.Containerfile)],
            "parallel" => [("sweep.parallel", Schedulers.Parallel(folder.Directory, folder.All.Count, slots))],
            _ => throw new UsageException($"--for {scheduler}: choose slurm, kubernetes or parallel."),
        };
        foreach (var (name, text) in files)
        {
            SweepFolder.Write(Path.Combine(folder.Directory, name), text);
            console.Out.WriteLine(Path.Combine(folder.Directory, name));
        }
    }
}

/// <summary>Runs one task of a sweep.</summary>
internal sealed class SweepTaskCommand : VerbCommand
{
    private readonly Argument<int> _number = new("N") { Description = "Which, from 0" };
    private readonly Option<string> _to = new("--to") { Description = "The folder of the sweep", HelpName = "DIR", Required = true };

    public SweepTaskCommand()
        : base("task", "Run one task of a sweep, for schedulers: harmless when repeated, doubled or killed.")
    {
        Arguments.Add(_number);
        Options.Add(_to);
    }

    public override IReadOnlyList<Example> Examples { get; } = [new("replay sweep task 17 --to matrix", "one, if it is not done yet")];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var folder = SweepFolder.Open(Path.GetFullPath(arguments.GetRequiredValue(_to)));
        var task = folder.Task(arguments.GetRequiredValue(_number));
        return TaskRun.Run(folder, task, text => console.Error.WriteLine($"task {task.Number} ({task.Guest}, {task.Mmu}): {text}"), cancellation);
    }
}

/// <summary>Says how far a sweep is.</summary>
internal sealed class SweepStatusCommand : VerbCommand
{
    private const int Lines = 3;

    private readonly Argument<string> _folder = new("DIR") { Description = "The folder of the sweep" };
    private readonly Option<bool> _json = CommonOptions.Json();

    public SweepStatusCommand()
        : base("status", "Say which tasks of a sweep are done, failed (with the end of their logs) and missing.")
    {
        Arguments.Add(_folder);
        Options.Add(_json);
    }

    public override IReadOnlyList<Example> Examples { get; } = [new("replay sweep status matrix", "exit code 1 as long as a task is not done")];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var folder = SweepFolder.Open(arguments.GetRequiredValue(_folder));
        var states = folder.All.ToLookup(folder.StateOf);
        if (arguments.GetValue(_json))
        {
            console.Out.WriteLine(JsonSerializer.Serialize(
                new
                {
                    tasks = folder.All.Count,
                    done = states[SweepState.Done].Count(),
                    failed = states[SweepState.Failed].Select(task => new { task.Number, task.Key, task.Guest, task.Mmu, log = folder.LastLines(task, Lines) }),
                    missing = states[SweepState.Missing].Select(task => task.Number),
                },
                JsonSerializerOptions.Web));
        }
        else
        {
            Write(folder, states, console);
        }

        return Task.FromResult(states[SweepState.Done].Count() == folder.All.Count ? ExitCode.Done : ExitCode.Different);
    }

    internal static void Write(SweepFolder folder, ILookup<SweepState, SweepTask> states, CliConsole console)
    {
        var missing = states[SweepState.Missing].ToList();
        console.Lines().WriteLine($"{Units.Of(folder.All.Count, "task")}: {states[SweepState.Done].Count()} done, {states[SweepState.Failed].Count()} failed, {missing.Count} missing");
        foreach (var task in states[SweepState.Failed])
        {
            console.Lines().WriteLine($"task {task.Number} failed: {task.Guest}, {task.Mmu} of {task.Kernel}, {task.HostPages} ({folder.LogOf(task)})");
            foreach (var line in folder.LastLines(task, Lines))
                console.Lines().WriteLine($"    {line}");
        }

        if (missing.Count > 0)
            console.Lines().WriteLine($"missing: {string.Join(", ", missing.Take(20).Select(task => task.Number))}{(missing.Count > 20 ? ", ..." : "")}");
    }
}

/// <summary>Makes the table and the page of a sweep.</summary>
internal sealed class SweepCollectCommand : VerbCommand
{
    private readonly Argument<string> _folder = new("DIR") { Description = "The folder of the sweep" };
    private readonly Option<bool> _json = new("--json") { Description = "The table as JSON on stdout too" };

    public SweepCollectCommand()
        : base("collect", "Make one table of a sweep's results (CSV, JSON, Parquet) and a page with plots; tell what is failed and missing.")
    {
        Arguments.Add(_folder);
        Options.Add(_json);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay sweep collect matrix", "results.csv, .json, .parquet and report.html in it"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var folder = SweepFolder.Open(arguments.GetRequiredValue(_folder));
        var table = new SweepTable(folder);
        if (table.Rows.Count == 0)
            throw new UsageException($"{folder.Directory}: no task is done yet. 'replay sweep status {folder.Directory}' tells more.");
        table.Write(folder.Directory);
        SweepFolder.Write(Path.Combine(folder.Directory, "report.html"), new SweepPage(table.Rows).Html());
        if (arguments.GetValue(_json))
            console.Out.Write(table.Json());
        else
            SweepStatusCommand.Write(folder, folder.All.ToLookup(folder.StateOf), console);
        console.Error.WriteLine($"{folder.Directory}: results.csv, results.json, results.parquet, report.html");
        return Task.FromResult(table.Rows.Count == folder.All.Count ? ExitCode.Done : ExitCode.Different);
    }
}
