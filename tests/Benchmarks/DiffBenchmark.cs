using Microsoft.Data.Sqlite;
using Replay.Analyzer.Diff;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Benchmarks;

/// <summary>Two runs compared event by event, against SQLite's own way to say what is in one and not in the other.</summary>
internal sealed class DiffBenchmark : IBenchmark
{
    private const int WritesPerEvent = 4;
    private const int LostOneIn = 50;

    public string Name => "diff";

    public string Description => "diff of two runs against SQL EXCEPT; --writes N a run (1000000), --rounds N (3)";

    public void Run(BenchmarkOptions options, TextWriter output)
    {
        var writes = options.Number("writes", 1_000_000);
        var folder = Directory.CreateTempSubdirectory("replay-bench-");
        try
        {
            var path = Path.Combine(folder.FullName, "diff.db");
            using (var file = HistoryFile.Create(path))
            {
                Store(file, MmuMode.Ept, writes, lost: false);
                Store(file, MmuMode.EptTdp, writes, lost: true);
            }

            using var database = Database.OpenRead(path);
            RunDiff? diff = null;
            var found = 0L;
            var (sql, merge, _) = Cpu.Paired(
                options.Number("rounds", 3),
                () => found = Except(path),
                () => diff = RunComparison.Of(DiffSide.Find(database, "1"), DiffSide.Find(database, "2")));
            var total = diff!.Writes.A + diff.Writes.B;
            if (found != diff.Writes.A - diff.Writes.Alike)
                throw new InvalidOperationException($"SQL finds {found} writes in the first run only, the diff {diff.Writes.A - diff.Writes.Alike}");
            output.WriteLine($"{total:#,0} writes in two runs, {found:#,0} of them in the first only");
            output.WriteLine($"diff        {merge.Rate(total)}");
            output.WriteLine($"SQL EXCEPT  {sql.Rate(total)}");
            output.WriteLine($"ratio       {sql.Median / merge.Median:0.0}");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>One direction only, and only what tells two writes apart: the least that SQL would have to do.</summary>
    private static long Except(string path)
    {
        using var connection = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText =
            "SELECT count(*) FROM (SELECT ordinal, gfn, new FROM _table_write WHERE run = 1 EXCEPT SELECT ordinal, gfn, new FROM _table_write WHERE run = 2)";
        return (long)command.ExecuteScalar()!;
    }

    private static void Store(HistoryFile file, MmuMode mode, int writes, bool lost)
    {
        using var store = file.BeginRun(new RunInfo
        {
            Capture = "bench.capture",
            CaptureHash = "bench",
            CaptureSource = "synthetic",
            Mode = mode,
            Profile = "intel",
            Backing = "4k",
            Kernel = "6.1",
            Tool = "benchmark",
            Model = "1",
        });
        store.OnChain(1, [KvmFunction.MmuSetSpte]);
        for (var i = 0; i < writes; i++)
        {
            if (lost && i % LostOneIn == 0)
                continue;
            store.OnWrite(new TableWrite
            {
                Seq = i + 1,
                Ordinal = i / WritesPerEvent * 100L,
                Gfn = (ulong)i,
                New = ((ulong)i << 12) | 0x0600_0000_0000_0b77,
                FaultId = i / WritesPerEvent,
                ExitId = i / WritesPerEvent,
                TableId = 1 + (i >> 9),
                Index = (ushort)(i & 511),
                Level = 1,
                Function = KvmFunction.MmuSetSpte,
                ChainId = 1,
            });
        }

        store.Complete(new RunSummary { HistoryHash = mode.ToString(), FirstOrdinal = 0, LastOrdinal = writes / WritesPerEvent * 100L });
    }
}
