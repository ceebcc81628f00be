using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Nested;

/// <summary>
/// Runs of recorded guests that are hypervisors: <c>nsvm</c> gives its guest nested page tables, <c>nsvmnonpt</c> does not, <c>lm4k</c> has no guest of
/// its own. Made once for a class of tests.
/// </summary>
public sealed class NestedDatabase : IDisposable
{
    private readonly TempDirectory _directory = new();

    public NestedDatabase()
    {
        using (var file = HistoryFile.Create(Path))
        {
            Replay(file, "nsvm", MmuMode.NptTdp);
            Replay(file, "nsvm", MmuMode.Npt);
            Replay(file, "nsvmnonpt", MmuMode.NptTdp, "nonpt-tdp");
            Replay(file, "nsvmnonpt", MmuMode.Shadow, "nonpt-shadow");
            Replay(file, "nsvmpae", MmuMode.NptTdp, "pae");
            Replay(file, "lm4k", MmuMode.NptTdp, "plain");
        }

        Database = Database.OpenRead(Path);
    }

    public string Path => _directory.File("nested.db");

    public Database Database { get; }

    public static TheoryData<string> Runs => ["npt-tdp", "npt", "nonpt-tdp", "nonpt-shadow", "pae"];

    public static string CapturePath(string guest) => Repository.Data("conformance", $"{guest}.capture");

    public int Number(string run) => Database.FindRun(run)!.Run;

    public void Dispose()
    {
        Database.Dispose();
        _directory.Dispose();
    }

    internal static RunInfo Replay(HistoryFile file, string guest, MmuMode mode, string? name = null, StoreOptions? store = null)
    {
        using var capture = CaptureReader.Open(CapturePath(guest));
        var options = new ReplayOptions { Mode = mode, Kernel = KvmBehaviour.Linux61, Profile = HostProfiles.Find("amd") };
        var info = new RunInfo
        {
            Capture = guest,
            CaptureHash = new string('c', 64),
            CaptureSource = "qemu",
            Mode = mode,
            Name = name,
            Profile = options.EffectiveProfile.Name,
            Backing = "4k",
            Kernel = options.Kernel.Release,
            Tool = "test",
            Model = "1",
        };
        using var history = file.BeginRun(info, store);
        history.Complete(RunSummary.Of(ReplaySession.Run(capture, options, history)));
        return info;
    }
}
