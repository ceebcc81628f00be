using System.CommandLine;
using Replay.Analyzer.Schema;
using Replay.Cli.Terminal;

namespace Replay.Cli.Commands;

/// <summary>Prints the reference of the database.</summary>
internal sealed class SchemaCommand : VerbCommand
{
    public SchemaCommand()
        : base("schema", "Print the reference of the database: views, columns, canned queries, entity diagram (Markdown).")
    {
    }

    public override IReadOnlyList<Example> Examples { get; } = [new("replay schema | less", "what can be asked, and in which words")];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        console.Out.Write(SchemaDocs.Markdown());
        return Task.FromResult(ExitCode.Done);
    }
}
