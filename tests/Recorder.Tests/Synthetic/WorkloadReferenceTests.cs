using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

public class WorkloadReferenceTests
{
    [Fact]
    public void The_page_of_workloads_is_what_the_registry_would_write()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Replay.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new DirectoryNotFoundException("No Replay.sln above the tests.");

        // After a change: ./replay docs --to docs
        Assert.Equal(WorkloadReference.Markdown(), File.ReadAllText(Path.Combine(folder, "docs", "workloads.md")).ReplaceLineEndings("\n"));
    }
}
