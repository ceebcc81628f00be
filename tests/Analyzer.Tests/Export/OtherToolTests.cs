using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using DuckDB.NET.Data;
using Replay.Analyzer.Export;
using Replay.Analyzer.Observed;
using Replay.Analyzer.Query;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Tests;

/// <summary>What is exported for other tools is read back by one that is not ours.</summary>
public sealed partial class OtherToolTests(WorkloadDatabases databases) : IDisposable, IClassFixture<WorkloadDatabases>
{
    private const string Columns = "count(*), sum(ordinal), sum(idx), min(new), max(new), count(fault_id), count(DISTINCT function)";

    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Comma_separated_files_have_for_DuckDB_what_Parquet_has()
    {
        using var database = databases.Open("unsync-churn");
        var answers = new string[2];
        foreach (var format in (ExportFormat[])[ExportFormat.Parquet, ExportFormat.Csv])
        {
            var folder = _directory.File($"{format}");
            DatabaseExport.Write(database, folder, new ExportOptions { Views = ["table_write"], Format = format }, cancellation: TestContext.Current.CancellationToken);
            using var duck = new DuckDBConnection("DataSource=:memory:");
            duck.Open();
            using var command = duck.CreateCommand();
            command.CommandText = $"SELECT {Columns} FROM {(format == ExportFormat.Csv ? $"read_csv('{folder}/table_write/**/*.csv', hive_partitioning=true, types={{'old': 'UBIGINT', 'new': 'UBIGINT'}})" : $"read_parquet('{folder}/table_write/**/*.parquet', hive_partitioning=true)")}";
            using var rows = command.ExecuteReader();
            Assert.True(rows.Read());
            answers[(int)format] = string.Join(' ', Enumerable.Range(0, rows.FieldCount).Select(i => $"{rows.GetValue(i)}"));
        }

        Assert.NotEqual('0', answers[0][0]);
        Assert.Equal(answers[0], answers[1]);
    }

    [Fact]
    public void Arrow_files_have_the_rows_of_the_view_in_order()
    {
        using var database = databases.Open("unsync-churn");
        var folder = _directory.File("arrow");
        DatabaseExport.Write(database, folder, new ExportOptions { Runs = [1], Views = ["table_write"], Ranges = 1, Format = ExportFormat.Arrow }, cancellation: TestContext.Current.CancellationToken);
        using var reader = new ArrowFileReader(File.OpenRead(Path.Combine(folder, "table_write", "run=1", "from_ordinal=0", "data.arrow")));
        using var rows = new QueryRunner(database).Execute("SELECT seq, new, fault_id, function FROM table_write WHERE run = 1 ORDER BY ordinal, seq", cancellation: TestContext.Current.CancellationToken);
        rows.NextResult();
        var read = 0L;
        while (reader.ReadNextRecordBatch() is { } batch)
        {
            var (seq, value, fault, function) = ((Int64Array)batch.Column("seq"), (UInt64Array)batch.Column("new"), (Int64Array)batch.Column("fault_id"), (StringArray)batch.Column("function"));
            for (var i = 0; i < batch.Length; i++, read++)
            {
                Assert.True(rows.Read());
                Assert.Equal(
                    (rows[0].Integer, unchecked((ulong)rows[1].Integer), rows[2].Kind == SqlValueKind.Null ? (long?)null : rows[2].Integer, rows[3].ToString()),
                    (seq.GetValue(i)!.Value, value.GetValue(i)!.Value, fault.GetValue(i), function.GetString(i)));
            }
        }

        Assert.False(rows.Read());
        Assert.NotEqual(0, read);
    }

    [Fact]
    public async Task A_trace_for_Perfetto_is_read_by_protoc_with_nested_slices_and_counters()
    {
        using var database = databases.Open("unsync-churn");
        var run = database.Runs[0];
        var path = _directory.File("x.perfetto-trace");
        await using (var output = File.Create(path))
            PerfettoExport.Write(database, run, output, cancellation: TestContext.Current.CancellationToken);
        var text = await Decode(path);
        var expected = Count(database, $"SELECT (SELECT count(*) FROM vm_exit WHERE run = {run.Run}) + (SELECT count(*) FROM fault WHERE run = {run.Run})");
        var types = EventType().Matches(text).Select(match => match.Groups[1].Value).ToList();
        Assert.Equal((expected, expected), (types.LongCount(type => type == "TYPE_SLICE_BEGIN"), types.LongCount(type => type == "TYPE_SLICE_END")));
        Assert.Contains("TYPE_COUNTER", types);
        Assert.Contains("thread_name: \"vCPU 0\"", text, StringComparison.Ordinal);
        var (open, deepest) = (0, 0);
        foreach (var type in types)
        {
            open += type == "TYPE_SLICE_BEGIN" ? 1 : type == "TYPE_SLICE_END" ? -1 : 0;
            deepest = Math.Max(deepest, open);
            Assert.InRange(open, 0, 2);
        }

        Assert.Equal((0, 2), (open, deepest));
        foreach (var counter in (string[])["table pages", "mapped pages of 4 KiB", "table writes in the stretch", "TLB flushes in the stretch"])
            Assert.Contains($"name: \"{counter}\"", text, StringComparison.Ordinal);
        // The last value of the mapped pages is what the tables map in the end.
        var mapped = Count(database, $"SELECT sum(CASE new_kind WHEN 'page' THEN 1 WHEN 'huge' THEN 1 << 9 * (level - 1) ELSE 0 END) FROM (SELECT new_kind, level, max(seq) FROM table_write WHERE run = {run.Run} GROUP BY table_id, idx)");
        Assert.Equal(mapped, long.Parse(CounterValue().Matches(text).Where(match => match.Groups[1].Value == "4097").Last().Groups[2].Value, CultureInfo.InvariantCulture));
        var times = SliceTime().Matches(text).Select(match => long.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(times.Order(), times);
    }

    [Fact]
    public async Task Of_an_observed_run_slices_and_counters_stand_at_the_times_of_the_trace()
    {
        var path = _directory.File("observed.db");
        SampleHistory.Store(path).Dispose();
        var info = SampleHistory.Info with { Mode = MmuMode.Observed, Name = null, Entries = new EntryClassifier(true, 7, 6, HasGaps: true) };
        using (var store = HistoryStore.Append(path, info))
        {
            IObservedHistory history = store;
            history.OnTraceEvent(new TraceEventRow(0, 1, 70_000, 0, 1, 0, 0), "{}"u8);
            history.OnExit(new VmExitRecord { Seq = 1, Ordinal = 0, ExitId = 0, Reason = ExitReason.Npf });
            history.OnWrite(new TableWrite { Seq = 2, Ordinal = 0, TableId = 1, Level = 1, Gfn = 5, New = 0x8600000000005b77, FaultId = -1, ExitId = 0 });
            history.OnTraceEvent(new TraceEventRow(1, 2, 95_500, 0, 1, 0, 0), "{}"u8);
            history.OnExit(new VmExitRecord { Seq = 3, Ordinal = 1, ExitId = 1, Reason = ExitReason.Npf });
            store.CompleteObserved(new ObservedSummary
            {
                Run = new RunSummary { HistoryHash = "0" },
                TraceHash = "0",
                TraceComplete = true,
                Options = [],
                GuestCr3s = [],
                Names = [new TraceNameRow(0, "kvm_exit", null, 2)],
                Tasks = ["vmm"],
                Capabilities = [],
            });
        }

        using var database = Database.OpenRead(path);
        await using (var output = File.Create(_directory.File("observed.trace")))
            PerfettoExport.Write(database, database.Runs[^1], output, cancellation: TestContext.Current.CancellationToken);
        var text = await Decode(_directory.File("observed.trace"));
        var begins = Regex.Matches(text, @"timestamp: (\d+)\s+trusted_packet_sequence_id: 1\s+track_event \{(?:(?!track_event)[\s\S])*?type: TYPE_SLICE_BEGIN").Select(match => match.Groups[1].Value);
        Assert.Equal(["70000", "95500"], begins);
        var mapped = Regex.Matches(text, @"timestamp: (\d+)\s+trusted_packet_sequence_id: 1\s+track_event \{\s+type: TYPE_COUNTER\s+track_uuid: 4097\s+counter_value: (-?\d+)").Select(match => (match.Groups[1].Value, match.Groups[2].Value));
        Assert.Equal([("70000", "1")], mapped);
    }

    private static long Count(Database database, string sql)
    {
        using var rows = new QueryRunner(database).Execute(sql);
        return rows.NextResult() && rows.Read() ? rows[0].Integer : -1;
    }

    private static async Task<string> Decode(string path)
    {
        var metadata = typeof(OtherToolTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().ToDictionary(pair => pair.Key, pair => pair.Value!, StringComparer.Ordinal);
        using var protoc = Process.Start(new ProcessStartInfo(metadata["Protoc"], ["--decode=perfetto.protos.Trace", $"--proto_path={metadata["Protos"]}", "perfetto.proto"]) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false })!;
        var decoded = protoc.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await using (var trace = File.OpenRead(path))
            await trace.CopyToAsync(protoc.StandardInput.BaseStream, TestContext.Current.CancellationToken);
        protoc.StandardInput.Close();
        var text = await decoded;
        await protoc.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, protoc.ExitCode);
        return text;
    }

    [GeneratedRegex(@"\btype: (TYPE_\w+)")]
    private static partial Regex EventType();

    [GeneratedRegex(@"track_uuid: (\d+)\s+counter_value: (-?\d+)")]
    private static partial Regex CounterValue();

    [GeneratedRegex(@"timestamp: (\d+)\s+trusted_packet_sequence_id: 1\s+track_event \{(?:(?!track_event)[\s\S])*?type: TYPE_SLICE")]
    private static partial Regex SliceTime();
}
