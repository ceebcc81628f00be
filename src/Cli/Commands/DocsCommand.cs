using System.CommandLine;
using Replay.Analyzer.Schema;
using Replay.Cli.Docs;
using Replay.Cli.Terminal;
using Replay.Recorder.Synthetic;

namespace Replay.Cli.Commands;

/// <summary>Writes the generated pages of the documentation.</summary>
internal sealed class DocsCommand : VerbCommand
{
    private readonly Option<DirectoryInfo?> _folder = new("--output", "-o", "--to")
    {
        Description = "Folder of the documentation",
        HelpName = "DIR",
    };

    private readonly Option<DirectoryInfo?> _man = new("--man") { Description = "Folder of manual pages, one a verb: replay.1, replay-run.1, ...", HelpName = "DIR" };

    public DocsCommand()
        : base("docs", "Write the generated pages of the documentation (cli.md, kernels.md, schema.md, workloads.md, the picture), or manual pages.")
    {
        Hidden = true;
        Options.Add(_folder);
        Options.Add(_man);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay docs --to docs", "regenerate the pages after a change of options or schema"),
        new("replay docs --man ~/.local/share/man/man1", "manual pages: then 'man replay', 'man replay-run'"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var root = CommandLine.Build(console);
        if (arguments.GetValue(_folder) is null && arguments.GetValue(_man) is null)
            throw new UsageException("--output DIR writes the pages of the documentation, --man DIR manual pages: one of them, or both.");
        if (arguments.GetValue(_man) is { } man)
        {
            man.Create();
            foreach (var (name, text) in ManPages.All(root))
                await File.WriteAllTextAsync(Path.Combine(man.FullName, name), text, cancellation).ConfigureAwait(false);
        }

        if (arguments.GetValue(_folder) is not { } folder)
            return ExitCode.Done;
        folder.Create();
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "cli.md"), CliReference.Markdown(root), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "kernels.md"), KernelReference.Markdown(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "schema.md"), SchemaDocs.Markdown(), cancellation).ConfigureAwait(false);
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "workloads.md"), WorkloadReference.Markdown(), cancellation).ConfigureAwait(false);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "images"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "images", "demo-timeline.svg"), DemoTimeline.Svg(cancellation), cancellation).ConfigureAwait(false);
        return ExitCode.Done;
    }
}
