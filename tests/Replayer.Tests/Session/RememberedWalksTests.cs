using Replay.Recorder.Synthetic;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Tests.Hardware;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// Random guests on hosts that interfere: the history, and what walks cost the guest, are the same where CPU and KVM remember translations and parts
/// of walks as where every walk is made from its root.
/// </summary>
public sealed class RememberedWalksTests
{
    [Theory]
    [InlineData(MmuMode.Ept, "intel", false)]
    [InlineData(MmuMode.Ept, "intel-noad", true)]
    [InlineData(MmuMode.EptTdp, "intel", true)]
    [InlineData(MmuMode.EptTdp, "intel-noad", false)]
    [InlineData(MmuMode.Npt, "amd", true)]
    [InlineData(MmuMode.NptTdp, "amd", false)]
    [InlineData(MmuMode.Shadow, "intel", false)]
    [InlineData(MmuMode.Shadow, "amd", true)]
    public void The_history_is_the_same_when_nothing_is_remembered(MmuMode mode, string host, bool hugePages)
    {
        var backing = new HostBacking { HugePages = hugePages, Populated = false };
        var options = new ReplayOptions { Mode = mode, Profile = HostProfiles.Find(host), Backing = backing };
        for (var seed = 1UL; seed <= 12; seed++)
        {
            var guest = Guest(seed);

            var remembered = ReplaySession.Run(new SyntheticSource(guest), options, new RecordedHistory(), cancellation: TestContext.Current.CancellationToken);
            var walked = ReplaySession.Run(
                new SyntheticSource(guest), options with { UseTlb = false }, new RecordedHistory(), cancellation: TestContext.Current.CancellationToken);

            Assert.True(walked.HistoryHash == remembered.HistoryHash, $"seed {seed}: another history");
            Assert.Equal(walked.Walks, remembered.Walks);
            Assert.Equal(walked.Stats.All(), remembered.Stats.All());
        }
    }

    private static SyntheticOptions Guest(ulong seed)
    {
        var options = RandomGuests.Options(seed, togglesNx: true);
        return options with { Knobs = new Dictionary<string, string>(options.Knobs) { ["host-percent"] = "8" } };
    }
}
