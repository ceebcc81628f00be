using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Conformance;

/// <summary>
/// A Linux guest that is a KVM host and runs a small machine of its own (tests/data/nested): every access, the machine's own included, ends where
/// the CPU saw it end, in every mode in which KVM offers the guest what it uses.
/// </summary>
public sealed class NestedLinuxTests
{
    [Theory]
    [InlineData("kvmhost", MmuMode.NptTdp, "6.1")]
    [InlineData("kvmhost", MmuMode.Npt, "6.12")]
    [InlineData("kvmhost-nonpt", MmuMode.NptTdp, "6.12")]
    [InlineData("kvmhost-nonpt", MmuMode.Npt, "6.1")]
    [InlineData("kvmhost-nonpt", MmuMode.Shadow, "6.1")]
    [InlineData("kvmhost-nonpt", MmuMode.Shadow, "6.12")]
    public void Every_access_ends_where_the_CPU_saw_it_end(string name, MmuMode mode, string kernel)
    {
        using var capture = CaptureReader.Open(Repository.Data("nested", $"{name}.capture"));
        var options = new ReplayOptions { Mode = mode, Kernel = KvmBehaviour.Find(kernel)!, Profile = HostProfiles.Find("amd")! };
        var session = new ReplaySession(capture.Manifest, options, new SilentHistory());
        var chunk = new TraceChunk();
        long entries = 0, nestedAccesses = 0;
        while (capture.TryRead(chunk))
        {
            entries += chunk.Events.Count(static row => row.Kind == TraceEventKind.NestedEnter);
            nestedAccesses += chunk.Events.Count(static row => row.L2Gpa is not null || row.Kind == TraceEventKind.NestedAccess);
            session.Process(chunk);
        }

        var result = session.Finish();
        Assert.Equal(0, result.Verify.Differing);
        Assert.InRange(result.Verify.Checked, 700_000, long.MaxValue);
        Assert.InRange(entries, 400, long.MaxValue);
        Assert.InRange(nestedAccesses, 1_000, long.MaxValue);
        foreach (var note in Enum.GetValues<ModelNote>().Where(static note => note != ModelNote.ZapOffFlushPoint))
            Assert.True(result.NoteCounts[(int)note] == 0, $"{result.NoteCounts[(int)note]} notes of {note}");
    }
}
