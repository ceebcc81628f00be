using System.CommandLine;
using Replay.Analyzer.Schema;
using Replay.Cli.Docs;
using Replay.Cli.Terminal;
using Replay.Recorder.Synthetic;

namespace Replay.Cli.Commands;

/// <summary>Writes the generated pages of the documentation.</summary>
internal sealed class DocsCommand : VerbCommand
{
    private readonly Option<DirectoryInfo> _folder = new("--to")
    {
        Description = "Folder of the documentation",
        HelpName = "DIR",
        Required = true,
    };

    public DocsCommand()
        : base("docs", "Write the generated pages of the documentation (cli.md, kernels.md, schema.md, workloads.md, the picture).")
    {
        Hidden = true;
        Options.Add(_folder);
    }

    public override IReadOnlyList<Example> Examples { get; } = [new("replay docs --to docs", "regenerate the pages after a change of options or schema")];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var folder = arguments.GetRequiredValue(_folder);
        folder.Create();
        var root = CommandLine.Build(console);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "cli.md"), CliReference.Markdown(root), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kernels.md"), KernelReference.Markdown(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "schema.md"), SchemaDocs.Markdown(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "workloads.md"), WorkloadReference.Markdown(), cancellation).ConfigureAwait(false);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "images"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "images", "demo-timeline.svg"), DemoTimeline.Svg(cancellation), cancellation).ConfigureAwait(false);
        return ExitCode.Done;
    }
}
