using System.CommandLine;
using Replay.Analyzer.Schema;
using Replay.Recorder.Synthetic;

namespace Replay.Cli.Docs;

/// <summary>The pages of the documentation that the program writes, so that they cannot differ from it.</summary>
internal static class GeneratedPages
{
    public static IReadOnlyList<string> Names { get; } = ["cli.md", "kernels.md", "schema.md", "workloads.md"];

    /// <summary>A page as it stands in <c>docs</c>.</summary>
    public static string Text(string name, RootCommand root) => MarkdownLines.Fit(name switch
    {
        "cli.md" => CliReference.Markdown(root),
        "kernels.md" => KernelReference.Markdown(),
        "schema.md" => SchemaDocs.Markdown(),
        _ => WorkloadReference.Markdown(),
    });
}
