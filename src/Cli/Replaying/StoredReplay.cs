using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Replayer;

namespace Replay.Cli.Replaying;

/// <summary>Replays into a database: one run a mode.</summary>
internal static class StoredReplay
{
    /// <summary>Version of the model: raised when the same capture and options give another history.</summary>
    public const string ModelVersion = "1";

    /// <param name="plan">What.</param>
    /// <param name="file">Where to.</param>
    /// <param name="store">How much of it.</param>
    /// <param name="checkpoints">How far apart at least, zero for none; and whether to go on from the last.</param>
    /// <param name="tell">Told once what is done with what was there.</param>
    /// <param name="progress">Accesses so far, of how many.</param>
    /// <param name="cancellation">Leaves the runs marked incomplete, at a checkpoint.</param>
    /// <returns>A result for each variant, empty where the runs are there and complete; what the capture cannot carry; and the runs that were made.</returns>
    public static (IReadOnlyList<ReplayResult> Results, IReadOnlyList<string> Unseen, IReadOnlyList<StoredRun> Runs) Run(
        ReplayPlan plan,
        HistoryFile file,
        StoreOptions store,
        CheckpointPlan checkpoints,
        Action<string> tell,
        Action<long, long> progress,
        CancellationToken cancellation)
    {
        using var driver = ReplayDriver.Open(plan);
        var variants = plan.Variants;
        var infos = variants.Select(variant => Describe(plan, driver, variant)).ToList();
        Resumption? resumption = null;
        var outcome = checkpoints.Resume ? file.TryResume(infos, store, out resumption) : ResumeOutcome.Nothing;
        Tell(outcome, resumption?.Checkpoint, tell);
        if (outcome == ResumeOutcome.Complete)
            return ([], driver.Manifest.Blind, []);
        var stores = new List<HistoryStore>(resumption?.Stores ?? []);
        try
        {
            foreach (var info in infos.Skip(stores.Count))
                stores.Add(file.BeginRun(info, store));
            SaveCheckpoints(driver, file, stores, new CheckpointClock(checkpoints.Interval), begun: resumption is not null, tell);
            void Progress(long accesses) => progress(accesses, driver.TotalAccesses);
            var results = resumption is null
                ? driver.Run(variant => stores[IndexOf(variants, variant)], Progress, cancellation)
                : driver.Resume(
                    [.. Enumerable.Range(0, stores.Count).Select(resumption.Session)],
                    resumption.Checkpoint.Ordinal,
                    resumption.Checkpoint.Accesses,
                    Progress,
                    cancellation);
            for (var i = 0; i < results.Count; i++)
            {
                stores[i].StoreGuestCr3(driver.GuestCr3s);
                stores[i].Complete(RunSummary.Of(results[i]));
            }

            foreach (var problem in driver.IndexProblems)
                tell($"{problem}: every access of that part was read instead.");
            return (results, driver.Manifest.Blind, [.. stores.Select(opened => new StoredRun(opened.Run, opened.Name))]);
        }
        finally
        {
            foreach (var opened in stores)
                opened.Dispose();
        }
    }

    /// <summary>The runs that a plan makes, as they are before they are begun.</summary>
    public static IReadOnlyList<RunInfo> Describe(ReplayPlan plan)
    {
        using var driver = ReplayDriver.Open(plan);
        return [.. plan.Variants.Select(variant => Describe(plan, driver, variant))];
    }

    private static void SaveCheckpoints(ReplayDriver driver, HistoryFile file, List<HistoryStore> stores, CheckpointClock clock, bool begun, Action<string> tell)
    {
        void Save(long accesses)
        {
            file.Save(accesses, stores, driver.Sessions);
            clock.Restart();
        }

        driver.Between = accesses =>
        {
            if (!file.IsSaving && clock.IsDue(file.LastSaveTime))
                Save(accesses);
        };
        driver.Interrupted = accesses =>
        {
            Save(accesses);
            tell("what is done is kept: 'replay run --resume' goes on there");
        };
        // Where rows and checkpoints go together, the last rows need one too.
        driver.Ended = accesses =>
        {
            if (begun || !clock.IsFirst)
                Save(accesses);
        };
    }

    private static void Tell(ResumeOutcome outcome, Checkpoint? checkpoint, Action<string> tell)
    {
        if (outcome == ResumeOutcome.Resumed)
            tell($"goes on behind ordinal {checkpoint!.Ordinal}, {Units.Count(checkpoint.Accesses)} accesses done");
        else if (outcome == ResumeOutcome.StartsAnew)
            tell("has no checkpoint that this build can use: starts anew");
        else if (outcome == ResumeOutcome.Complete)
            tell("is complete: nothing to resume");
    }

    private static int IndexOf(IReadOnlyList<ReplayVariant> variants, ReplayVariant variant)
    {
        var index = 0;
        while (variants[index] != variant)
            index++;
        return index;
    }

    private static RunInfo Describe(ReplayPlan plan, ReplayDriver driver, ReplayVariant variant)
    {
        var options = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["tlb"] = plan.UseTlb ? "on" : "off" };
        if (driver.HostScript is { } script)
            options["host_events"] = script.Text;
        return new RunInfo
        {
            Capture = plan.Capture,
            CaptureHash = driver.Manifest.Checksum,
            CaptureSource = driver.Manifest.Source,
            CaptureComplete = driver.Manifest.Complete,
            CaptureFilter = driver.Manifest.Filter,
            CaptureBlind = driver.Manifest.Blind,
            Mode = variant.Mode,
            Name = plan.RunName(variant),
            Profile = plan.OptionsFor(variant).EffectiveProfile.Name,
            Backing = plan.BackingNameFor(variant.Mode),
            Kernel = variant.Kernel.Release,
            Tool = ToolVersion.Text,
            Model = ModelVersion,
            Options = options,
            Entries = EntryClassifier.For(variant.Mode, variant.Kernel),
        };
    }
}

/// <summary>A run of a database.</summary>
/// <param name="Run">Its number.</param>
/// <param name="Name">Its name.</param>
internal readonly record struct StoredRun(int Run, string Name);
