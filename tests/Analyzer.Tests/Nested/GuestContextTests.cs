using Dapper;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Trace;

namespace Replay.Analyzer.Tests.Nested;

/// <summary>Each row says which guest it belongs to, L1 or L2, and which of the vCPU's MMUs.</summary>
public sealed class GuestContextTests(NestedDatabase nested) : IClassFixture<NestedDatabase>
{
    private const ulong AccessedAndDirty = 0x60;

    public static TheoryData<string> Runs => NestedDatabase.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void What_exits_and_faults_between_a_way_in_and_a_way_out_is_L2(string run)
    {
        var number = nested.Number(run);
        var states = Query<(long Seq, string Guest)>("SELECT seq, guest FROM guest_state WHERE run = @number AND cause <> 'registers' ORDER BY seq", number);
        Assert.NotEmpty(states);
        foreach (var table in new[] { "vm_exit", "fault", "guest_fault" })
        {
            var rows = Query<(long Seq, string Guest)>($"SELECT seq, guest FROM {table} WHERE run = @number ORDER BY seq", number);
            Assert.True(rows.Count > 0 || table == "guest_fault");
            var at = -1;
            foreach (var row in rows)
            {
                // A way in or out happens behind the exit that it stands at.
                while (at + 1 < states.Count && states[at + 1].Seq < row.Seq)
                    at++;
                Assert.True(row.Guest == (at < 0 ? "L1" : states[at].Guest), $"{table} at {row.Seq} is told to be {row.Guest}'s");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Whose_a_table_is_follows_from_its_role(string run)
    {
        var number = nested.Number(run);
        foreach (var view in new[] { "table_write", "page_operation", "rmap_change", "root_change" })
        {
            Assert.Empty(Query<string>(
                $"""
                SELECT w.seq || ' ' || w.guest || ' ' || p.guest FROM {view} AS w JOIN table_page AS p ON p.run = w.run AND p.table_id = w.table_id
                WHERE w.run = @number AND NOT p.special AND (w.guest IS NOT p.guest OR w.mmu IS NOT p.mmu OR (p.guest = 'L2') <> p.guest_mode)
                """,
                number));
        }

        var mode = nested.Database.FindRun(run)!.Mode;
        var byRole = Query<string>("SELECT DISTINCT mmu FROM table_page WHERE run = @number AND guest = 'L2' AND NOT special", number);
        Assert.Equal([run.StartsWith("nonpt", StringComparison.Ordinal) ? "root_mmu" : "guest_mmu"], byRole);
        // guest_mmu's tables are made by the shadow MMU code, also where the TDP MMU makes the others.
        Assert.Empty(Query<long>("SELECT table_id FROM table_page WHERE run = @number AND mmu = 'guest_mmu' AND tdp_mmu", number));
        if (mode == MmuMode.NptTdp.Name())
            Assert.Empty(Query<long>("SELECT table_id FROM table_page WHERE run = @number AND mmu = 'root_mmu' AND NOT tdp_mmu", number));
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void The_summary_is_the_rows_counted(string run)
    {
        var number = nested.Number(run);
        foreach (var (kind, table) in new[] { ("exit", "vm_exit"), ("fault", "fault"), ("write", "table_write"), ("page", "page_operation"), ("flush", "tlb_flush"), ("guest_fault", "guest_fault") })
        {
            var rows = Query<(string Guest, string Mmu, long Count)>(
                $"SELECT guest, {(kind == "flush" ? "NULL" : "mmu")}, count(*) FROM {table} WHERE run = @number GROUP BY 1, 2 ORDER BY 1, 2", number);
            var counted = Query<(string Guest, string Mmu, long Count)>(
                $"SELECT guest, {(kind == "flush" ? "NULL" : "mmu")}, sum(count) FROM guest_summary WHERE run = @number AND kind = '{kind}' GROUP BY 1, 2 ORDER BY 1, 2", number);
            Assert.Equal(rows, counted);
            Assert.True(rows.Any(row => row.Guest == "L2") || kind == "guest_fault");
        }
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void Each_way_in_of_the_capture_is_a_row_and_each_way_out_has_its_code(string run)
    {
        var number = nested.Number(run);
        var events = Events(run).Where(row => row.Kind is TraceEventKind.NestedEnter or TraceEventKind.NestedExit).ToList();
        var states = Query<(long Ordinal, string Cause, long Code, long Vmcb)>(
            "SELECT ordinal, cause, coalesce(code, 0), vmcb FROM guest_state WHERE run = @number AND cause IN ('vmrun', 'vmexit') ORDER BY seq", number);
        Assert.Equal(events.Count(row => row.Kind == TraceEventKind.NestedEnter), states.Count(row => row.Cause == "vmrun"));
        Assert.Equal(
            events.Where(row => row.Kind == TraceEventKind.NestedExit).Select(row => (long)row.Value!),
            states.Where(row => row.Cause == "vmexit").Select(row => row.Code));
        Assert.All(states, row => Assert.Equal(0x3e0000, row.Vmcb));
    }

    /// <summary>Reads the capture on its own: images and stores, in order.</summary>
    [Theory]
    [MemberData(nameof(Runs))]
    public void The_guests_tables_are_what_images_and_stores_make_them(string run)
    {
        var pages = new Dictionary<ulong, byte[]>();
        foreach (var row in Events(run))
        {
            var gfn = (row.Gpa ?? 0) >> 12;
            if (row.Kind == TraceEventKind.PageImage)
                pages[gfn] = row.Data is { Length: > 0 } data ? [.. data] : new byte[4096];
            else if (row.Kind == TraceEventKind.PageRelease)
                pages.Remove(gfn);
            else if (row.Kind == TraceEventKind.PageTableStore && pages.TryGetValue(gfn, out var page))
                BitConverter.GetBytes(row.Value!.Value).AsSpan(0, (int)Math.Min(row.Size ?? 8, 8)).CopyTo(page.AsSpan((int)(row.Gpa!.Value & 0xfff)));
        }

        var number = nested.Number(run);
        var known = Query<(long Gfn, long Ordinal, long Known)>(
            "SELECT gfn, max(ordinal), value FROM guest_entry WHERE run = @number AND idx IS NULL GROUP BY gfn", number);
        Assert.Equal(pages.Keys.Order(), known.Where(page => page.Known == 1).Select(page => (ulong)page.Gfn));
        Assert.True(pages.Count > 10);
        var entries = Query<(long Gfn, long Idx, long Value)>(
            """
            SELECT e.gfn, e.idx, e.value FROM guest_entry AS e
            WHERE e.run = @number AND e.idx IS NOT NULL
              AND e.ordinal >= (SELECT max(p.ordinal) FROM guest_entry AS p WHERE p.run = @number AND p.gfn = e.gfn AND p.idx IS NULL)
            ORDER BY e.ordinal
            """,
            number);
        var last = entries.GroupBy(entry => (entry.Gfn, entry.Idx)).ToDictionary(group => group.Key, group => (ulong)group.Last().Value);
        foreach (var (gfn, page) in pages)
        {
            for (var index = 0; index < 512; index++)
            {
                var expected = BitConverter.ToUInt64(page, index * 8);
                Assert.Equal(expected & ~Bits(expected), last.GetValueOrDefault(((long)gfn, index)) & ~Bits(expected));
            }
        }

        // Those that walks set; in tables of 4-byte entries two lie in a word.
        static ulong Bits(ulong word) => AccessedAndDirty | AccessedAndDirty << 32;
    }

    [Fact]
    public void A_guest_that_runs_none_of_its_own_is_L1_in_every_row()
    {
        var number = nested.Number("plain");
        foreach (var table in new[] { "access", "vm_exit", "fault", "table_write", "table_page", "page_operation", "root_change", "tlb_flush" })
            Assert.Equal(["L1"], Query<string>($"SELECT DISTINCT guest FROM {table} WHERE run = @number", number));
        Assert.Empty(Query<long>("SELECT seq FROM guest_state WHERE run = @number UNION ALL SELECT ordinal FROM guest_entry WHERE run = @number", number));
    }

    [Fact]
    public void SQLite_stores_the_same_as_the_bulk_loader()
    {
        using var directory = new TempDirectory();
        var dumps = new List<List<string>>();
        foreach (var engine in new[] { StoreEngine.Pages, StoreEngine.Sqlite })
        {
            var path = directory.File($"{engine}.db");
            using (var file = HistoryFile.Create(path, engine: engine))
                NestedDatabase.Replay(file, "nsvm", MmuMode.NptTdp);
            dumps.Add(DatabaseDump.Of(path));
        }

        Assert.Equal(dumps[0], dumps[1]);
        Assert.Contains(dumps[0], line => line.StartsWith("_guest_entry ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_run_of_an_earlier_version_says_whose_its_tables_are_and_of_the_rest_that_it_does_not_know()
    {
        using var directory = new TempDirectory();
        var path = directory.File("old.db");
        using (var file = HistoryFile.Create(path))
        {
            NestedDatabase.Replay(file, "nsvm", MmuMode.NptTdp);
            NestedDatabase.Replay(file, "nsvmnonpt", MmuMode.Shadow);
        }

        List<string> before;
        using (var database = Database.OpenRead(path))
            before = Writes(database);
        AsBefore(path);
        Assert.Contains("replay run --append", Assert.Throws<DatabaseFormatException>(() => Database.OpenRead(path).Dispose()).Message, StringComparison.Ordinal);
        using (var file = HistoryFile.Append(path))
            NestedDatabase.Replay(file, "lm4k", MmuMode.NptTdp, "added");
        using (var database = Database.OpenRead(path))
        {
            Assert.Equal(before, Writes(database));
            Assert.Equal(0, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM vm_exit WHERE run < 3 AND guest IS NOT NULL"));
            Assert.Equal(0, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM vm_exit WHERE run = 3 AND guest IS NOT 'L1'"));
        }

        static List<string> Writes(Database database) => database.Connection.Query<string>(
            """
            SELECT w.run || ' ' || w.guest || ' ' || w.mmu || ' ' || w.vcpu || ' ' || count(*) FROM table_write AS w JOIN table_page AS p ON p.run = w.run AND p.table_id = w.table_id
            WHERE w.run < 3 AND NOT p.special GROUP BY w.run, w.guest, w.mmu, w.vcpu ORDER BY 1
            """).AsList();
    }

    /// <summary>Makes of a database what the version before would have made: the schema up to there, with what both have.</summary>
    private static void AsBefore(string path)
    {
        File.Move(path, path + ".later");
        using var connection = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        var migrations = SqlFiles.Migrations.TakeWhile(migration => !migration.Name.EndsWith("_guests", StringComparison.Ordinal)).ToList();
        foreach (var migration in migrations)
            connection.Execute(migration.Text);
        connection.Execute($"ATTACH '{path}.later' AS later");
        foreach (var table in connection.Query<string>("SELECT name FROM main.sqlite_master WHERE type = 'table' AND name IN (SELECT name FROM later.sqlite_master)").AsList())
        {
            var columns = string.Join(", ", connection.Query<string>(
                "SELECT name FROM pragma_table_info(@table, 'main') WHERE name IN (SELECT name FROM pragma_table_info(@table, 'later'))", new { table }));
            connection.Execute($"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM later.{table}");
        }

        connection.Execute($"UPDATE _table_write SET flags = flags & ~(7 << 22); PRAGMA application_id = {DatabaseSchema.ApplicationId}; PRAGMA user_version = {migrations.Count}");
    }

    private List<TraceEvent> Events(string run)
    {
        using var capture = CaptureReader.Open(NestedDatabase.CapturePath(nested.Database.FindRun(run)!.Capture));
        var chunk = new TraceChunk();
        var events = new List<TraceEvent>();
        while (capture.TryRead(chunk))
            events.AddRange(chunk.Events);
        return events;
    }

    private List<T> Query<T>(string sql, int number) => nested.Database.Connection.Query<T>(sql, new { number }).AsList();
}
