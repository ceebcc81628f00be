using Replay.Analyzer.Store;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Tests;

/// <summary>Databases of synthetic workloads, replayed by the model itself.</summary>
internal static class WorkloadDatabase
{
    public static Database Store(string path, string workload, MmuMode[] modes, StoreOptions? store = null, long maxAccesses = 40_000)
    {
        using (var file = HistoryFile.Create(path))
        {
            foreach (var mode in modes)
                Replay(file, workload, mode, store, maxAccesses);
        }

        return Database.OpenRead(path);
    }

    private static void Replay(HistoryFile file, string workload, MmuMode mode, StoreOptions? options, long maxAccesses)
    {
        var source = SyntheticRecorder.Open(new SyntheticOptions { Workload = workload, MaxAccesses = maxAccesses });
        // Answers are compared with what they were.
        var replay = new ReplayOptions { Mode = mode, Kernel = KvmBehaviour.Linux61 };
        var info = new RunInfo
        {
            Capture = workload,
            CaptureHash = new string('b', 64),
            CaptureSource = "synthetic",
            Mode = mode,
            Profile = replay.EffectiveProfile.Name,
            Backing = "4k",
            Kernel = replay.Kernel.Release,
            Tool = "test",
            Model = "1",
        };
        using var store = file.BeginRun(info, options);
        store.Complete(RunSummary.Of(ReplaySession.Run(source, replay, store)));
    }
}
