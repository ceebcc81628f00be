using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;

namespace Replay.Benchmarks;

/// <summary>A guest whose every access is a fault of KVM's, with a history that is made, hashed and counted, and stored nowhere.</summary>
internal sealed class MissPathBenchmark : IBenchmark
{
    /// <summary>
    /// Legacy direct maps fill eight entries a fault, except where EPT has no accessed bits: there each page is a fault of its own. Shadow paging
    /// does where the neighbours' guest entries have the accessed bit.
    /// </summary>
    private static readonly (MmuMode Mode, HostProfile Profile, bool Accessed)[] Runs =
    [
        (MmuMode.Ept, HostProfiles.IntelNoAd, true),
        (MmuMode.Ept, HostProfiles.Intel, true),
        (MmuMode.EptTdp, HostProfiles.Intel, true),
        (MmuMode.Npt, HostProfiles.Amd, true),
        (MmuMode.NptTdp, HostProfiles.Amd, true),
        (MmuMode.Shadow, HostProfiles.Intel, false),
        (MmuMode.Shadow, HostProfiles.Intel, true),
    ];

    public string Name => "miss-path";

    public string Description => "faults handled a second, a fault an access [--mode MODE] [--profile NAME] [--pages 262144] [--rounds 5]";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var rounds = options.Number("rounds", 5);
        var pages = options.Number("pages", 1 << 18);
        FreshPages[] guests = [new(pages, accessed: false), new(pages, accessed: true)];
        var only = options.Text("mode");
        var host = options.Text("profile");
        foreach (var (mode, profile, accessed) in Runs.Where(run => (only ?? run.Mode.Name()) == run.Mode.Name() && (host ?? run.Profile.Name) == run.Profile.Name))
        {
            var guest = guests[accessed ? 1 : 0];
            ReplayResult? result = null;
            var time = Cpu.Measure(rounds, () => result = Replay(guest, mode, profile));
            output.WriteLine(
                $"{mode.Name(),-8} {profile.Name,-10} faults {time.Rate(result!.Faults)}, entry writes {time.Rate(result.Writes)}: "
                + $"{result.Faults:n0} faults, {result.Writes:n0} writes, {result.Accesses:n0} accesses");
        }
    }

    private static ReplayResult Replay(FreshPages guest, MmuMode mode, HostProfile profile)
    {
        var session = new ReplaySession(guest.Manifest, new ReplayOptions { Mode = mode, Profile = profile }, new SilentHistory());
        foreach (var chunk in guest.Chunks)
            session.Process(chunk);
        return session.Finish();
    }
}
