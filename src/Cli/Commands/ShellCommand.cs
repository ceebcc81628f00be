using System.CommandLine;
using Replay.Analyzer.Store;
using Replay.Cli.Shell;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Asks a database question after question.</summary>
internal sealed class ShellCommand : VerbCommand
{
    private readonly Argument<string> _database = new("DB") { Description = "A database made by 'replay run'" };

    public ShellCommand()
        : base("shell", "Ask a database question after question: history, completion from the schema, canned queries. Read-only.") => Arguments.Add(_database);

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay shell boot.db", "then .help lists the commands, Tab completes, Ctrl-C stops a query, Ctrl-D ends"),
        new("echo \"@hot-gfns top=5\" | replay shell boot.db", "from a pipe: CSV, and the first mistake ends it"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        using var database = Database.OpenRead(Inputs.Database(arguments.GetRequiredValue(_database)));
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay shell: {warning}");
        var session = new ShellSession(database, console, cancellation);
        var isTalk = !console.InIsPiped && console.OutIsTerminal;
        if (!isTalk)
            return Task.FromResult(session.RunScript(console.In));
        console.Error.WriteLine($"{database.Path}: {Units.Of(database.Runs.Count, "run")} ({string.Join(", ", database.Runs.Select(run => run.Name))}). .help lists the commands, Tab completes, Ctrl-D ends.");
        using var editor = new ShellEditor(console, new ShellCompletion(database), ShellHistory.ForUser(), cancellation);
        return Task.FromResult(session.Talk(editor));
    }
}
