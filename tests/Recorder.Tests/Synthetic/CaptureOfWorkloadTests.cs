using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

public class CaptureOfWorkloadTests
{
    [Theory]
    [InlineData("fork-storm", "4level")]
    [InlineData("mmio", "32bit")]
    [InlineData("dirty-log", "pae")]
    [InlineData("random", "5level")]
    public void A_capture_on_disk_gives_back_the_stream(string workload, string paging)
    {
        var options = SmallRuns.Of(workload, paging, seed: 11) with { Filter = new FilterRule { Entries = 64, EpochLength = 4096 } };
        var folder = Directory.CreateTempSubdirectory("replay-synthetic-").FullName;
        try
        {
            var path = Path.Combine(folder, "x.capture");
            var source = SyntheticRecorder.Open(options);
            using (var writer = CaptureWriter.Create(path, source.Manifest, new CaptureWriterOptions { PartAccesses = 20_000 }))
            {
                var end = SyntheticRecorder.Record(options, writer, cancel: TestContext.Current.CancellationToken);
                writer.Complete(end.EndReason!, end.AccessesSeen);
            }
            using var reader = CaptureReader.Open(path);

            Assert.Equal(StreamHash.Of(source), StreamHash.Of(reader));
            Assert.Equal(source.Manifest.AccessesSeen, reader.Manifest.AccessesSeen);
            Assert.Equal(workload, reader.Manifest.Origin["workload"]);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
