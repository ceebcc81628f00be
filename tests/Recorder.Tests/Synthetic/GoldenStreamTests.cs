using Replay.Recorder.Synthetic;
using Replay.Recorder.Synthetic.Machine;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>
/// The hash of every workload's stream in every mode, in <c>streams.golden</c>. A change of a stream changes what all captures recorded
/// with that seed mean: it needs a reason and a line in the changelog.
/// </summary>
public class GoldenStreamTests
{
    private static readonly Dictionary<string, string> Expected = Read();

    public static TheoryData<string, string> EveryWorkloadInEveryMode() => WorkloadTests.EveryWorkloadInEveryMode();

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void A_stream_is_what_it_always_was(string workload, string paging)
    {
        var actual = StreamHash.Of(SyntheticRecorder.Open(SmallRuns.Of(workload, paging, seed: 42)));

        Assert.True(
            Expected.TryGetValue($"{workload} {paging}", out var expected) && expected == actual,
            $"streams.golden does not say: {workload} {paging} {actual}");
    }

    [Fact]
    public void The_golden_file_tells_of_workloads_that_exist_only()
    {
        var known = WorkloadRegistry.All.SelectMany(workload => workload.Modes.Select(mode => $"{workload.Name} {PagingFormat.Name(mode)}"));

        Assert.Equal(known.Order(StringComparer.Ordinal), Expected.Keys.Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, string> Read()
    {
        using var stream = typeof(GoldenStreamTests).Assembly.GetManifestResourceStream("streams.golden")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' '))
            .ToDictionary(words => $"{words[0]} {words[1]}", words => words[2], StringComparer.Ordinal);
    }
}
