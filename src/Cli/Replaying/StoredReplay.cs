using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.Kvm.Host;

namespace Replay.Cli.Replaying;

/// <summary>Replays into a database: one run a mode.</summary>
internal static class StoredReplay
{
    /// <summary>Version of the model: raised when the same capture and options give another history.</summary>
    public const string ModelVersion = "1";

    /// <param name="plan">What.</param>
    /// <param name="file">Where to.</param>
    /// <param name="store">How much of it.</param>
    /// <param name="progress">Accesses so far, of how many.</param>
    /// <param name="cancellation">Leaves the runs marked incomplete.</param>
    public static IReadOnlyList<ReplayResult> Run(
        ReplayPlan plan, HistoryFile file, StoreOptions store, Action<long, long> progress, CancellationToken cancellation)
    {
        using var driver = ReplayDriver.Open(plan);
        var stores = new Dictionary<MmuMode, HistoryStore>();
        try
        {
            foreach (var mode in plan.Modes)
                stores[mode] = file.BeginRun(Describe(plan, driver, mode), store);
            var results = driver.Run(mode => stores[mode], accesses => progress(accesses, driver.TotalAccesses), cancellation);
            for (var i = 0; i < results.Count; i++)
                stores[plan.Modes[i]].Complete(Summarize(results[i]));
            return results;
        }
        finally
        {
            foreach (var mode in plan.Modes)
                stores.GetValueOrDefault(mode)?.Dispose();
        }
    }

    private static RunInfo Describe(ReplayPlan plan, ReplayDriver driver, MmuMode mode)
    {
        var options = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["tlb"] = plan.UseTlb ? "on" : "off" };
        return new RunInfo
        {
            Capture = plan.Capture,
            CaptureHash = driver.Manifest.Checksum,
            CaptureSource = driver.Manifest.Source,
            CaptureComplete = driver.Manifest.Complete,
            CaptureFilter = driver.Manifest.Filter,
            Mode = mode,
            Profile = plan.OptionsFor(mode).EffectiveProfile.Name,
            Backing = plan.BackingName,
            Kernel = HostProfile.KernelVersion,
            Tool = ToolVersion.Text,
            Model = ModelVersion,
            Options = options,
        };
    }

    private static RunSummary Summarize(ReplayResult result) => new()
    {
        HistoryHash = result.HistoryHash,
        FirstOrdinal = result.FirstOrdinal,
        LastOrdinal = result.LastOrdinal,
        Accesses = result.Accesses,
        Events = result.Events,
        NoteCounts = result.NoteCounts,
        Walks = result.Walks,
        Counters =
        [
            new Counter("verify_checked", result.Verify.Checked, "accesses whose translation was compared with the recorded gpa"),
            new Counter("verify_differing", result.Verify.Differing, "of them, those that differ"),
            new Counter("walks", result.Walks.Sum(walk => walk.Walks), "page walks of accesses that miss a TLB of fixed size: the sum of walk_summary"),
            new Counter("walk_references", result.WalkReferences, "table entries that these walks read, the guest's and KVM's"),
            .. result.Stats.All().Select(counter => new Counter(counter.Name, counter.Value, "KVM's debugfs counter of this name")),
        ],
    };
}
