using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Replay.Architecture.Tests;

/// <summary>The sample of the libraries does what its page in the documentation says.</summary>
public sealed partial class SampleTests
{
    private static readonly string Sample = Repository.PathOf("samples", "WatchWrites", "Program.cs");

    [Fact]
    public void The_page_about_the_libraries_shows_the_sample_that_is_compiled()
    {
        var page = File.ReadAllText(Repository.PathOf("docs", "libraries.md"));
        Assert.Equal(File.ReadAllText(Sample).TrimEnd(), CodeBlock().Match(page).Groups["code"].Value.TrimEnd());
    }

    [Fact]
    public async Task The_sample_prints_the_writes_to_a_frame_of_a_capture()
    {
        var capture = Repository.PathOf("src", "Cli", "samples", "linux-boot.capture");
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Replay.WatchWrites.dll"), capture, "1000"])
        {
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains(lines, line => line.EndsWith("by mmu_set_spte", StringComparison.Ordinal));
        Assert.Matches("^[0-9]+ writes in all, history [0-9a-f]{32}$", lines[^1]);
    }

    [GeneratedRegex("```csharp\n(?<code>.*?)```", RegexOptions.Singleline, 1000)]
    private static partial Regex CodeBlock();
}
