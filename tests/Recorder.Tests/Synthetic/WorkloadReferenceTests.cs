using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

public class WorkloadReferenceTests
{
    [Fact]
    public void The_page_of_workloads_is_what_the_registry_would_write()
    {
        // After a change: ./replay docs --to docs
        Assert.Equal(WorkloadReference.Markdown(), File.ReadAllText(Repository.PathOf("docs", "workloads.md")).ReplaceLineEndings("\n"));
    }
}
