using System.CommandLine;
using Replay.Cli.Docs;
using Replay.Cli.Terminal;

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

    private readonly Option<FileInfo[]?> _fit = new("--fit") { Description = "Page by hand whose long lines are broken; repeatable", HelpName = "PAGE" };

    public DocsCommand()
        : base("docs", "Write the generated pages of the documentation (cli.md, kernels.md, schema.md, workloads.md, the picture), or manual pages.")
    {
        Hidden = true;
        Options.Add(_folder);
        Options.Add(_man);
        Options.Add(_fit);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay docs --to docs", "regenerate the pages after a change of options or schema"),
        new("replay docs --fit docs/fidelity.md", "break paragraphs whose lines have grown too long for an editor"),
        new("replay docs --man ~/.local/share/man/man1", "manual pages: then 'man replay', 'man replay-run'"),
    ];

    protected override async Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        var root = CommandLine.Build(console);
        var pages = arguments.GetValue(_fit) ?? [];
        if (arguments.GetValue(_folder) is null && arguments.GetValue(_man) is null && pages.Length == 0)
            throw new UsageException("--output DIR writes the pages of the documentation, --man DIR manual pages, --fit PAGE breaks long lines: one of them, or more.");
        foreach (var page in pages)
            await File.WriteAllTextAsync(page.FullName, MarkdownLines.Fit(await File.ReadAllTextAsync(page.FullName, cancellation).ConfigureAwait(false)), cancellation).ConfigureAwait(false);
        if (arguments.GetValue(_man) is { } man)
        {
            man.Create();
            foreach (var (name, text) in ManPages.All(root))
                await File.WriteAllTextAsync(Path.Combine(man.FullName, name), text, cancellation).ConfigureAwait(false);
        }

        if (arguments.GetValue(_folder) is not { } folder)
            return ExitCode.Done;
        folder.Create();
        foreach (var name in GeneratedPages.Names)
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, name), GeneratedPages.Text(name, root), cancellation).ConfigureAwait(false);
        Directory.CreateDirectory(Path.Combine(folder.FullName, "images"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "images", "demo-timeline.svg"), DemoTimeline.Svg(cancellation), cancellation).ConfigureAwait(false);
        return ExitCode.Done;
    }
}
