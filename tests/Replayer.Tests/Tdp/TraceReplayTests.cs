using Replay.Replayer.Kvm.Host;

namespace Replay.Replayer.Tests.Tdp;

/// <summary>
/// Real kernels' traces (Linux 6.1, ept-tdp and npt-tdp) as the specification: for the same faults and host events the model makes
/// the same tables, writes, removals and flushes in the same order. <c>tests/data/kvm-traces/README.md</c> says where they are from.
/// </summary>
public sealed class TraceReplayTests
{
    public static TheoryData<string> Cases()
    {
        var cases = new TheoryData<string>();
        foreach (var file in Directory.EnumerateFiles(Repository.Data("kvm-traces"), "*.txt.gz").Order(StringComparer.Ordinal))
            cases.Add(Path.GetFileName(file));
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_model_does_what_the_kernel_did_in_the_same_order(string file)
    {
        var parts = file.Split('.');
        var profile = HostProfiles.Find(parts[0])!;
        var backing = new HostBacking
        {
            HugePages = parts[2].EndsWith("thp", StringComparison.Ordinal),
            Populated = parts[2] != "lazy",
        };
        var replayer = new TraceReplayer(profile, backing, logDirty: parts[2].StartsWith("dirty", StringComparison.Ordinal));

        replayer.Run(TraceReplayer.ReadLines(Repository.Data("kvm-traces", file)));

        Assert.True(replayer.Matched > 5, $"only {replayer.Matched} operations were compared");
    }
}
