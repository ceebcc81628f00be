using DuckDB.NET.Data;
using Replay.Analyzer.Export;
using Replay.Analyzer.Locality;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

/// <summary>Page walks and the reuse of pages as files, read back by DuckDB.</summary>
public sealed class WalkExportTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("unsync-churn", MmuMode.Ept, "4level")]
    [InlineData("demand-paging", MmuMode.EptTdp, "5level")]
    [InlineData("demand-paging", MmuMode.NptTdp, "pae")]
    [InlineData("fork-storm", MmuMode.Npt, "32bit")]
    [InlineData("unsync-churn", MmuMode.Shadow, "4level")]
    [InlineData("demand-paging", MmuMode.Shadow, "pae")]
    public void Each_walk_goes_from_entry_to_entry_as_their_frames_say_and_reads_as_many_as_are_counted(string workload, MmuMode mode, string paging)
    {
        var path = _directory.File("w.parquet");
        var options = new ReplayOptions { Mode = mode };
        var plain = ReplaySession.Run(Open(workload, paging), options, new SilentHistory(), cancellation: TestContext.Current.CancellationToken);
        ReplayResult result;
        using (var file = new WalkFile(path, isCsv: false))
        {
            result = ReplaySession.Run(Open(workload, paging), options with { Walks = file }, new SilentHistory(), cancellation: TestContext.Current.CancellationToken);
            file.Finish();
            Assert.Equal(Counted(result), (file.Walks, file.References));
        }

        // The walks are whole, and nothing else is: history and counts are those of a replay that spares what it can.
        var (walks, references) = Counted(result);
        Assert.Equal((plain.HistoryHash, Counted(plain)), (result.HistoryHash, (walks, references)));
        Assert.InRange(walks, 500, long.MaxValue);
        Assert.Equal(references, Ask($"SELECT count(*) FROM '{path}'"));
        Assert.Equal(walks, Ask($"SELECT count(DISTINCT walk) FROM '{path}'"));
        const string Frame = "(entry & 4503599627366400::UBIGINT)";
        var steps = $"(SELECT *, lead(tables) OVER w AS next_tables, lead(level) OVER w AS next_level, lead(of_level) OVER w AS next_of, lead(address) OVER w AS next_address, {Frame} AS frame FROM '{path}' WINDOW w AS (PARTITION BY walk ORDER BY step))";
        // One of KVM's entries leads to the table that the next is in, one level down, for the same purpose.
        Assert.Equal(0, Ask($"SELECT count(*) FROM {steps} WHERE tables = 'kvm' AND next_tables = 'kvm' AND next_of = of_level AND next_level < level AND (next_address & ~4095::UBIGINT) <> frame"));
        // The last of a walk of KVM's tables for an entry of the guest's maps the page that this entry is in.
        Assert.Equal(0, Ask($"SELECT count(*) FROM {steps} WHERE tables = 'kvm' AND next_tables = 'guest' AND (level <> 1 OR (next_address & ~4095::UBIGINT) <> frame)"));
        // The last of all maps the page that the access reached.
        Assert.Equal(0, Ask($"SELECT count(*) FROM {steps} WHERE next_tables IS NULL AND (tables <> 'kvm' OR of_level <> 0 OR level <> 1 OR (hpa & ~4095::UBIGINT) <> frame)"));
        Assert.Equal(mode == MmuMode.Shadow, Ask($"SELECT count(*) FROM '{path}' WHERE tables = 'guest'") == 0);
        Assert.Equal(0, Ask($"SELECT count(*) FROM '{path}' WHERE (tables = 'guest') = (gpa IS NULL)"));
    }

    [Fact]
    public void The_same_run_gives_the_same_file_and_commas_say_what_Parquet_says()
    {
        foreach (var name in (string[])["a.csv", "b.csv", "c.parquet"])
        {
            using var file = new WalkFile(_directory.File(name), TypedRows.IsCsv(name));
            ReplaySession.Run(Open("demand-paging", "4level"), new ReplayOptions { Mode = MmuMode.Npt, Walks = file }, new SilentHistory(), cancellation: TestContext.Current.CancellationToken);
            file.Finish();
        }

        Assert.Equal(File.ReadAllBytes(_directory.File("a.csv")), File.ReadAllBytes(_directory.File("b.csv")));
        var types = "{'gva': 'UBIGINT', 'hpa': 'UBIGINT', 'address': 'UBIGINT', 'gpa': 'UBIGINT', 'entry': 'UBIGINT'}";
        Assert.Equal(0, Ask($"SELECT count(*) FROM ((SELECT * FROM read_csv('{_directory.File("a.csv")}', types={types}) EXCEPT ALL SELECT * FROM '{_directory.File("c.parquet")}'))"));
        Assert.NotEqual(0, Ask($"SELECT count(*) FROM '{_directory.File("c.parquet")}'"));
    }

    [Theory]
    [InlineData(3, 20_000, 40)]
    [InlineData(4, 30_000, 3000)]
    [InlineData(5, 12_000, 100_000)]
    public void Reuse_distances_are_those_of_a_stack_that_is_searched(int seed, int accesses, int pages)
    {
        var random = new Random(seed);
        var distances = new ReuseDistances();
        var stack = new List<ulong>();
        for (var i = 0; i < accesses; i++)
        {
            // Some pages more often than others, and the same again now and then.
            var page = random.Next(10) == 0 && stack.Count > 0 ? stack[0] : (ulong)(random.NextDouble() * random.NextDouble() * pages);
            var expected = stack.IndexOf(page);
            if (expected >= 0)
                stack.RemoveAt(expected);
            stack.Insert(0, page);
            Assert.Equal(expected, distances.Access(page));
        }

        Assert.Equal(stack.Count, distances.Pages);
    }

    [Fact]
    public void Reuse_and_working_set_of_a_guest_are_what_a_walk_over_its_accesses_finds()
    {
        const int Window = 4096;
        var locality = new PageLocality(Window);
        var all = new List<(long Ordinal, ulong Gfn, bool IsWrite)>();
        var source = Open("fork-storm", "4level");
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            locality.Look(chunk);
            all.AddRange(Enumerable.Range(0, chunk.AccessCount).Select(i => (chunk.Ordinals[i], chunk.Gpas[i] >> 12, chunk.Kinds[i] == (byte)AccessKind.Write)));
            all.AddRange(chunk.Events.Where(row => row.Kind == TraceEventKind.PageTableStore && row.Gpa is not null).Select(row => (row.Ordinal, row.Gpa!.Value >> 12, true)));
            all.AddRange(chunk.Events.Where(row => row.Kind is TraceEventKind.Mmio or TraceEventKind.ImplicitAccess or TraceEventKind.NestedAccess && row.Gpa is not null).Select(row => (row.Ordinal, row.Gpa!.Value >> 12, row.Access == AccessKind.Write)));
        }

        all.Sort((left, right) => left.Ordinal.CompareTo(right.Ordinal));
        var (reuse, pages) = (_directory.File("reuse.parquet"), _directory.File("pages.csv"));
        Write(reuse, PageLocality.ReuseColumns, locality.WriteReuse);
        Write(pages, PageLocality.WorkingSetColumns, locality.WriteWorkingSet);

        Assert.Equal(all.Count, locality.Accesses);
        Assert.Equal(all.Count, Ask($"SELECT sum(accesses)::BIGINT FROM '{reuse}'"));
        Assert.Equal(all.DistinctBy(access => access.Gfn).LongCount(), Ask($"SELECT sum(accesses)::BIGINT FROM '{reuse}' WHERE distance_from IS NULL"));
        // An LRU cache of 64 places, simulated.
        var (cache, misses) = (new LinkedList<ulong>(), 0L);
        foreach (var (_, gfn, _) in all)
        {
            if (!cache.Remove(gfn))
                misses++;
            cache.AddFirst(gfn);
            if (cache.Count > 64)
                cache.RemoveLast();
        }

        Assert.Equal(misses, Ask($"SELECT sum(accesses)::BIGINT FROM '{reuse}' WHERE distance_from IS NULL OR distance_from >= 64"));
        var seen = new HashSet<ulong>();
        foreach (var window in all.GroupBy(access => access.Ordinal / Window).OrderBy(group => group.Key))
        {
            var touched = window.Select(access => access.Gfn).Distinct().ToList();
            var written = window.Where(access => access.IsWrite).Select(access => access.Gfn).Distinct().Count();
            var fresh = touched.Count(seen.Add);
            Assert.Equal(1, Ask($"SELECT count(*) FROM '{pages}' WHERE first_ordinal = {window.Key * Window} AND accesses = {window.Count()} AND pages = {touched.Count} AND pages_written = {written} AND pages_new = {fresh}"));
        }
    }

    private static ITraceSource Open(string workload, string paging) => SyntheticRecorder.Open(new SyntheticOptions { Workload = workload, MaxAccesses = 40_000, Knobs = new Dictionary<string, string> { ["paging"] = paging } });

    private static (long Walks, long References) Counted(ReplayResult result) =>
        (result.Walks.Sum(count => count.Walks), result.Walks.Sum(count => count.Walks * (count.GuestReferences + count.KvmReferences)));

    private static void Write(string path, IReadOnlyList<Trace.Tables.TableColumn> columns, Action<TypedRows> write)
    {
        using var file = TypedRows.Create(path, TypedRows.IsCsv(path), columns);
        write(file);
        file.Finish();
    }

    private static long Ask(string sql)
    {
        using var duck = new DuckDBConnection("DataSource=:memory:");
        duck.Open();
        using var command = duck.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(command.ExecuteScalar(), System.Globalization.CultureInfo.InvariantCulture);
    }
}
