using System.Globalization;
using Replay.Recorder.Synthetic;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Tests.Hardware;

namespace Replay.Replayer.Tests.Session;

/// <summary>
/// Random guests that edit their own page tables, under shadow paging: each access ends where a naive walk of the guest's tables, done
/// by the recorder, ends, and each #PF is the guest's. REPLAY_RANDOM_OPERATIONS asks for more operations than the few of every build.
/// </summary>
public sealed class RandomGuestTests
{
    private const long FewOperations = 150_000;

    private static readonly KvmBehaviour[] Kernels = [.. KvmBehaviour.All.Where(kernel => kernel.Has(MmuMode.Shadow))];

    private static readonly string[] Pagings = ["off", "32bit", "pae", "4level", "5level"];

    private static long Operations => long.TryParse(
        Environment.GetEnvironmentVariable("REPLAY_RANDOM_OPERATIONS"), NumberStyles.None, CultureInfo.InvariantCulture, out var asked) ? asked : FewOperations;

    [Theory]
    [InlineData("off")]
    [InlineData("32bit")]
    [InlineData("pae")]
    [InlineData("4level")]
    [InlineData("5level")]
    public void Shadow_paging_is_the_guests_own_walk_composed_with_the_memslots(string paging)
    {
        var left = Operations / Pagings.Length;
        for (var seed = 1UL; left > 0; seed++)
        {
            var options = Guest(paging, seed);
            var history = new RecordedHistory();
            var replay = new ReplayOptions
            {
                Mode = MmuMode.Shadow,
                Kernel = Kernels[(int)(seed % (ulong)Kernels.Length)],
                Profile = Host(seed),
                Backing = new HostBacking { HugePages = seed % 2 == 0 },
                UseTlb = seed % 5 != 0,
                Invariants = InvariantLevel.Thorough,
            };

            var result = ReplaySession.Run(new SyntheticSource(options), replay, history, cancellation: TestContext.Current.CancellationToken);

            var what = $"{paging}, seed {seed}, {replay}";
            Assert.True(history.Notes.Count == 0, $"{what}: {history.Notes.Count} notes, first {history.Notes.FirstOrDefault()}");
            Assert.True(result.Verify.Differing == 0, $"{what}: {result.Verify.First}");
            left -= result.Accesses + result.Events;
        }
    }

    /// <summary>The same under the EPT of the oldest kernel, where the CPU walks the guest's tables, and KVM's beside them.</summary>
    [Theory]
    [InlineData("off")]
    [InlineData("32bit")]
    [InlineData("pae")]
    [InlineData("4level")]
    public void The_EPT_of_Linux_3_6_lets_every_access_end_where_the_guest_means_it(string paging)
    {
        var left = Operations / Pagings.Length;
        for (var seed = 1UL; left > 0; seed++)
        {
            var replay = new ReplayOptions
            {
                Mode = MmuMode.Ept,
                Kernel = KvmBehaviour.Linux36,
                Profile = (seed % 3) switch { 0 => HostProfiles.Intel with { MaxMmuPages = 64 }, 1 => HostProfiles.IntelNoAd, _ => HostProfiles.IntelIceLake },
                Backing = new HostBacking { HugePages = seed % 2 == 0, Populated = seed % 4 < 2 },
                UseTlb = seed % 5 != 0,
                Invariants = InvariantLevel.Thorough,
            };
            var history = new RecordedHistory();

            var result = ReplaySession.Run(new SyntheticSource(Guest(paging, seed)), replay, history, cancellation: TestContext.Current.CancellationToken);

            // Bits of CR4 that the kernel did not know yet are told, and nothing else.
            var what = $"{paging}, seed {seed}, {replay}";
            Assert.All(history.Notes, note => Assert.True(note.Kind == ModelNote.FeatureNotOffered, $"{what}: {note}"));
            Assert.True(result.Verify.Differing == 0, $"{what}: {result.Verify.First}");
            left -= result.Accesses + result.Events;
        }
    }

    /// <summary>
    /// KVM runs shadow tables with NX always on, and no role tells whether the guest has it on: what was shadowed before stays mapped
    /// when the guest clears EFER.NXE and entries with bit 63 become malformed. Such #PFs, and no others, are lost.
    /// </summary>
    [Theory]
    [InlineData("pae")]
    [InlineData("4level")]
    public void Only_faults_on_reserved_bits_are_lost_when_the_guest_clears_NXE(string paging)
    {
        var history = new RecordedHistory();
        var options = new SyntheticOptions { Workload = "random", Seed = 1, Knobs = new Dictionary<string, string> { ["paging"] = paging, ["control-percent"] = "10" } };

        var result = ReplaySession.Run(
            new SyntheticSource(options), new ReplayOptions { Mode = MmuMode.Shadow }, history, cancellation: TestContext.Current.CancellationToken);

        Assert.NotEmpty(history.Notes);
        Assert.All(history.Notes, note => Assert.True(note.Kind == ModelNote.MissingGuestFault && (note.Recorded & 8) != 0, $"{note}"));
        Assert.Equal(0, result.Verify.Differing);
    }

    /// <summary>The seed decides everything, so that a failure is found again by its number.</summary>
    private static SyntheticOptions Guest(string paging, ulong seed)
    {
        var knobs = new Dictionary<string, string>
        {
            ["paging"] = paging,
            ["operations"] = "5000",
            ["memory"] = "64M",
            ["vcpus"] = Number(1 + (seed % 3)),
            ["tables"] = Number(1 + (seed % 6)),
            ["spaces"] = Number(1 + (seed % 5)),
            ["edits"] = Number(1 + (seed % 11)),
            ["edit-percent"] = Number(5 + (seed % 30)),
            ["control-percent"] = Number(seed % 13),
            ["host-percent"] = Number(seed % 3),
            ["nx-toggle"] = "false",
        };
        if (paging is "4level" or "5level")
            knobs["pcid"] = seed % 4 < 2 ? "true" : "false";
        if (paging == "32bit")
            knobs["pse"] = seed % 4 < 3 ? "true" : "false";
        return new SyntheticOptions { Workload = "random", Seed = seed, Knobs = knobs };
    }

    private static HostProfile Host(ulong seed)
    {
        var profile = (seed % 4) switch
        {
            0 => HostProfiles.Intel,
            1 => HostProfiles.Amd,
            2 => HostProfiles.AmdTcg,
            _ => HostProfiles.IntelBochs,
        };

        // So few pages that the oldest must go again and again.
        return seed % 3 == 0 ? profile with { MaxMmuPages = 64 } : profile;
    }

    private static string Number(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
