using Replay.Analyzer.Store;
using Replay.Replayer;

namespace Replay.Analyzer.Tests;

/// <summary>A database for each of a few workloads, with four modes and reverse maps in it, made once for a class of tests.</summary>
public sealed class WorkloadDatabases : IDisposable
{
    private static readonly MmuMode[] Modes = [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.Shadow];

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    public Database Open(string workload)
    {
        var path = _directory.File($"{workload}.db");
        return File.Exists(path) ? Database.OpenRead(path) : WorkloadDatabase.Store(path, workload, Modes, new StoreOptions { Rmap = true });
    }
}
