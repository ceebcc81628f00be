using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.Parts;
using Replay.Analyzer.Tests.Nested;
using Replay.DuckDb;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Analyzer.Tests.Folders;

/// <summary>The same runs as a database and as a folder of Parquet, of one replay.</summary>
public sealed class WorkloadFolder : IDisposable
{
    /// <summary>A recorded guest that has a guest of its own; everything else is synthetic.</summary>
    internal const string Nested = "nsvm";

    private static readonly MmuMode[] Modes = [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Npt, MmuMode.Shadow];
    private static readonly MmuMode[] NestedModes = [MmuMode.NptTdp, MmuMode.Npt];

    private readonly TempDirectory _directory = new();
    private readonly Dictionary<string, (Database Database, string Folder, IFolderConnection Connection, Dictionary<long, long> Numbers)> _made = [];

    public void Dispose()
    {
        foreach (var (database, _, connection, _) in _made.Values)
        {
            connection.Dispose();
            database.Dispose();
        }

        _directory.Dispose();
    }

    /// <param name="workload">Synthetic, or <see cref="Nested"/>.</param>
    /// <returns>Both, and the number in the folder by the number in the database.</returns>
    internal (Database Database, string Folder, IFolderConnection Connection, Dictionary<long, long> Numbers) Open(string workload)
    {
        if (_made.TryGetValue(workload, out var made))
            return made;
        var path = _directory.File($"{workload}.db");
        var folder = HistoryFolder.Open(_directory.File($"{workload}.folder"));
        var keys = new List<RunKey>();
        using var parts = new HistoryParts(_directory.File($"{workload}.work"), areOnly: false);
        using (var file = HistoryFile.Create(path, parts: parts))
        {
            foreach (var mode in workload == Nested ? NestedModes : Modes)
                keys.Add(Replay(file, workload, mode));
        }

        var database = Database.OpenRead(path);
        var numbers = new Dictionary<long, long>();
        for (var i = 0; i < keys.Count; i++)
        {
            folder.Publish(database, i + 1, parts, keys[i]);
            numbers.Add(i + 1, keys[i].Number);
        }

        return _made[workload] = (database, folder.Directory, new DuckDbEngine().Open([folder.Directory]), numbers);
    }

    internal static RunInfo Info(string workload, MmuMode mode)
    {
        var replay = new ReplayOptions { Mode = mode, Kernel = KvmBehaviour.Linux61 };
        return new RunInfo
        {
            Capture = $"/home/somebody/{workload}",
            CaptureHash = new string('b', 64),
            CaptureSource = "synthetic",
            Mode = mode,
            Profile = replay.EffectiveProfile.Name,
            Backing = "4k",
            Kernel = replay.Kernel.Release,
            Tool = "test",
            Model = "1",
        };
    }

    private static RunKey Replay(HistoryFile file, string workload, MmuMode mode)
    {
        if (workload == Nested)
        {
            var stored = new StoreOptions { Rmap = true };
            return RunKey.Of(NestedDatabase.Replay(file, workload, mode, store: stored), stored);
        }

        var source = SyntheticRecorder.Open(new SyntheticOptions { Workload = workload, MaxAccesses = 12_000 });
        var replay = new ReplayOptions { Mode = mode, Kernel = KvmBehaviour.Linux61 };
        var (info, options) = (Info(workload, mode), new StoreOptions { Rmap = true });
        using var store = file.BeginRun(info, options);
        store.Complete(RunSummary.Of(ReplaySession.Run(source, replay, store)));
        return RunKey.Of(info, options);
    }

    /// <summary>All rows of a result, values as text, run numbers of the database as those of the folder.</summary>
    internal static List<string> Rows(IQueryExecution execution, Dictionary<long, long>? numbers = null)
    {
        var rows = new List<string>();
        using (execution)
        {
            Assert.True(execution.NextResult());
            var runs = Enumerable.Range(0, execution.Columns.Count).Where(i => execution.Columns[i] == "run").ToHashSet();
            while (execution.Read())
            {
                var values = new List<string>();
                for (var i = 0; i < execution.Columns.Count; i++)
                {
                    var value = execution[i];
                    if (runs.Contains(i) && numbers is not null && value.Kind == SqlValueKind.Integer)
                        value = SqlValue.Of(numbers[value.Integer]);
                    values.Add(value.Kind == SqlValueKind.Null ? "NULL" : value.ToString());
                }

                rows.Add(string.Join(" | ", values));
            }
        }

        return rows;
    }
}
