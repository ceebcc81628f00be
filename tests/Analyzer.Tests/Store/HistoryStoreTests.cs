using Dapper;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Tests;

public sealed class HistoryStoreTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_completed_run_says_so_and_carries_its_hash()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var run = Assert.Single(database.Runs);
        Assert.True(run.Complete);
        Assert.Equal("ept", run.Name);
        Assert.Equal("ept", run.EntryFormat);
        Assert.Equal(32, run.HistoryHash!.Length);
        Assert.Equal(50, run.LastOrdinal);
        Assert.Empty(database.Warnings);
    }

    [Fact]
    public void Addresses_of_the_upper_half_come_back_as_they_went_in()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var (gva, hex) = database.Connection.QuerySingle<(Gva, string)>("SELECT gva, gva_hex FROM access WHERE ordinal = 10");
        Assert.Equal(new Gva(0xffff_8880_0010_0008), gva);
        Assert.Equal("0xffff888000100008", hex);
        Assert.Equal(10, database.Connection.QuerySingle<long>("SELECT ordinal FROM access WHERE gva = @gva", new { gva }));
        Assert.Equal("0x80000000deadbeef", database.Connection.QuerySingle<string>("SELECT value_hex FROM access WHERE ordinal = 10"));
    }

    [Fact]
    public void What_a_fault_did_lies_between_its_seq_and_its_end()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var outside = database.Connection.ExecuteScalar<long>(
            "SELECT count(*) FROM table_write AS w JOIN fault AS f USING (run, fault_id) WHERE w.seq NOT BETWEEN f.seq AND f.end_seq");
        var inside = database.Connection.ExecuteScalar<long>(
            "SELECT count(*) FROM table_write AS w JOIN fault AS f ON w.run = f.run AND w.seq BETWEEN f.seq AND f.end_seq");
        var writes = database.Connection.ExecuteScalar<long>("SELECT sum(writes) FROM fault");
        Assert.Equal(0, outside);
        Assert.Equal(6, writes);
        Assert.Equal(writes, inside);
    }

    [Fact]
    public void The_summary_of_writes_equals_the_rows()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var columns = "run, level, actor, function, chain, old_kind, new_kind";
        var rows = database.Connection.Query<string>(
            $"SELECT json_array({columns}, tracepoint IS NOT NULL, count(*), min(ordinal), min(seq), max(ordinal)) FROM table_write "
            + $"GROUP BY {columns}, tracepoint IS NOT NULL ORDER BY 1");
        var summary = database.Connection.Query<string>(
            $"SELECT json_array({columns}, traced, writes, first_ordinal, first_seq, last_ordinal) FROM write_summary ORDER BY 1");
        Assert.Equal(rows, summary);
    }

    [Fact]
    public void The_summaries_of_exits_and_faults_equal_the_rows()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        Assert.Equal(
            database.Connection.Query<string>(
                "SELECT json_array(e.reason, count(DISTINCT e.exit_id), count(f.fault_id), sum(f.writes), min(e.ordinal), max(e.ordinal)) "
                + "FROM vm_exit AS e LEFT JOIN fault AS f USING (run, exit_id) GROUP BY e.reason ORDER BY 1"),
            database.Connection.Query<string>(
                "SELECT json_array(reason, exits, faults, writes, first_ordinal, last_ordinal) FROM exit_summary ORDER BY 1"));
        Assert.Equal(
            database.Connection.Query<string>(
                "SELECT json_array(handler, access, outcome, mapped_level, count(*), sum(writes), min(ordinal), max(ordinal)) "
                + "FROM fault GROUP BY handler, access, outcome, mapped_level ORDER BY 1"),
            database.Connection.Query<string>(
                "SELECT json_array(handler, access, outcome, mapped_level, faults, writes, first_ordinal, last_ordinal) FROM fault_summary ORDER BY 1"));
    }

    [Theory]
    [InlineData("faults", "SELECT count(*) FROM fault")]
    [InlineData("pf_fixed", "SELECT count(*) FROM fault WHERE outcome = 'fixed'")]
    [InlineData("pf_emulate", "SELECT count(*) FROM fault WHERE outcome IN ('emulate', 'write_protected')")]
    [InlineData("vm_exits_ept_violation", "SELECT count(*) FROM vm_exit WHERE reason = 'EPT_VIOLATION'")]
    [InlineData("table_writes", "SELECT count(*) FROM table_write")]
    [InlineData("table_writes_hardware", "SELECT count(*) FROM table_write WHERE actor = 'hardware'")]
    [InlineData("table_writes_untraced", "SELECT count(*) FROM table_write WHERE actor = 'kvm' AND tracepoint IS NULL")]
    [InlineData("mmu_cache_miss", "SELECT count(*) FROM page_operation WHERE operation = 'create'")]
    [InlineData("mmu_shadow_zapped", "SELECT count(*) FROM page_operation WHERE operation = 'zap'")]
    [InlineData("pf_mmio_spte_created", "SELECT count(*) FROM table_write WHERE tracepoint LIKE '%mark_mmio_spte'")]
    [InlineData("remote_tlb_flush", "SELECT count(*) FROM tlb_flush WHERE kind LIKE 'remote%'")]
    [InlineData("note_translation_differs", "SELECT count(*) FROM model_note WHERE kind = 'translation_differs'")]
    [InlineData("rmap_changes", "SELECT 1")]
    [InlineData("pages_4k", "SELECT sum(new_kind = 'page' AND old_kind <> 'page') - sum(old_kind = 'page' AND new_kind <> 'page') FROM table_write")]
    public void A_counter_equals_the_rows_it_counts(string counter, string rows)
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        Assert.Equal(
            database.Connection.ExecuteScalar<long>(rows),
            database.Connection.ExecuteScalar<long>("SELECT value FROM counter WHERE name = @counter", new { counter }));
    }

    [Fact]
    public void Counters_are_the_same_at_every_level_of_detail()
    {
        var all = Counters(DetailLevel.All);
        Assert.Equal(all, Counters(DetailLevel.Leaf));
        Assert.Equal(all, Counters(DetailLevel.Counters));

        List<(string, long)> Counters(DetailLevel detail)
        {
            using var database = SampleHistory.Store(_directory.File($"{detail}.db"), new StoreOptions { Detail = detail });
            Assert.Equal(detail.ToString().ToLowerInvariant(), database.Runs[0].Detail);
            return database.Connection.Query<(string, long)>("SELECT name, value FROM counter ORDER BY name").AsList();
        }
    }

    [Fact]
    public void Leaf_detail_keeps_the_writes_that_map_or_unmap_and_everything_else()
    {
        using var all = SampleHistory.Store(_directory.File("all.db"));
        using var leaf = SampleHistory.Store(_directory.File("leaf.db"), new StoreOptions { Detail = DetailLevel.Leaf });
        Assert.Equal(
            all.Connection.Query<long>("SELECT seq FROM table_write WHERE new_kind IN ('page', 'huge', 'mmio') OR old_kind IN ('page', 'huge', 'mmio') ORDER BY seq"),
            leaf.Connection.Query<long>("SELECT seq FROM table_write ORDER BY seq"));
        Assert.Equal(4, leaf.Connection.ExecuteScalar<long>("SELECT count(*) FROM table_page"));
    }

    [Fact]
    public void Counters_detail_keeps_no_rows_of_history()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"), new StoreOptions { Detail = DetailLevel.Counters, Rmap = true });
        Assert.Equal(0, database.Connection.ExecuteScalar<long>("SELECT count(*) FROM event WHERE kind <> 'note'"));
    }

    [Fact]
    public void Reverse_maps_are_stored_only_when_asked_for()
    {
        using var without = SampleHistory.Store(_directory.File("without.db"));
        using var with = SampleHistory.Store(_directory.File("with.db"), new StoreOptions { Rmap = true });
        Assert.Equal(0, without.Connection.ExecuteScalar<long>("SELECT count(*) FROM rmap_change"));
        Assert.Equal("0x100", with.Connection.QuerySingle<string>("SELECT gfn_hex FROM rmap_change"));
        Assert.True(with.Runs[0].HasRmap);
    }

    [Fact]
    public void A_page_is_one_row_with_its_whole_life()
    {
        using var database = SampleHistory.Store(_directory.File("x.db"));
        var (level, hpa, created, zapped, freed, zappedBy) = database.Connection.QuerySingle<(int, string, long, long, long, string)>(
            "SELECT level, hpa_hex, created_ordinal, zapped_ordinal, freed_ordinal, zapped_by FROM table_page WHERE table_id = 4");
        Assert.Equal((1, "0x9003000", 10L, 50L, 50L), (level, hpa, created, zapped, freed));
        Assert.EndsWith("> __kvm_mmu_prepare_zap_page", zappedBy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_is_added_to_a_database_and_named_after_its_mode()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        foreach (var mode in new[] { MmuMode.Ept, MmuMode.Npt })
        {
            using var store = HistoryStore.Append(path, SampleHistory.Info with { Mode = mode });
            store.Complete(SampleHistory.Play(store));
        }

        using var database = Database.OpenRead(path);
        Assert.Equal(["ept", "ept-2", "npt"], database.Runs.Select(run => run.Name));
        Assert.Equal("x86", database.Runs[2].EntryFormat);
        Assert.Single(database.Runs.Select(run => run.HistoryHash).Distinct());
        Assert.Equal(3, database.FindRun("npt")!.Run);
        Assert.Equal("ept-2", database.FindRun("2")!.Name);
        Assert.Null(database.FindRun("shadow"));
    }

    [Fact]
    public void Runs_written_at_the_same_time_do_not_mix()
    {
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            using var first = file.BeginRun(SampleHistory.Info);
            using var second = file.BeginRun(SampleHistory.Info with { Mode = MmuMode.Shadow });
            var threads = new[] { first, second }.Select(store => new Thread(() => store.Complete(SampleHistory.Play(store)))).ToList();
            threads.ForEach(thread => thread.Start());
            threads.ForEach(thread => thread.Join());
        }

        using var database = Database.OpenRead(path);
        Assert.All(database.Runs, run => Assert.True(run.Complete));
        Assert.Equal(
            database.Connection.Query<string>("SELECT json_array(ordinal, seq, kind, gfn) FROM event WHERE run = 1 ORDER BY ordinal, seq, 1"),
            database.Connection.Query<string>("SELECT json_array(ordinal, seq, kind, gfn) FROM event WHERE run = 2 ORDER BY ordinal, seq, 1"));
    }

    [Fact]
    public void A_name_that_is_taken_is_refused_and_harms_no_other_run()
    {
        var path = _directory.File("x.db");
        using (var file = HistoryFile.Create(path))
        {
            using var store = file.BeginRun(SampleHistory.Info with { Name = "mine" });
            Assert.Contains("'mine'", Assert.Throws<StoreException>(() => file.BeginRun(SampleHistory.Info with { Name = "mine" })).Message, StringComparison.Ordinal);
            store.Complete(SampleHistory.Play(store));
        }

        using var database = Database.OpenRead(path);
        Assert.True(Assert.Single(database.Runs).Complete);
    }

    [Fact]
    public void An_existing_file_is_overwritten_only_when_told_and_only_if_it_is_a_database_of_ours()
    {
        var path = _directory.File("x.db");
        SampleHistory.Store(path).Dispose();
        Assert.Throws<DatabaseExistsException>(() => HistoryStore.Create(path, SampleHistory.Info));
        using (var store = HistoryStore.Create(path, SampleHistory.Info, overwrite: true))
            store.Complete(SampleHistory.Play(store));

        var notes = _directory.File("notes.txt");
        File.WriteAllText(notes, "do not lose me");
        Assert.Throws<DatabaseExistsException>(() => HistoryStore.Create(notes, SampleHistory.Info, overwrite: true));
        Assert.Equal("do not lose me", File.ReadAllText(notes));
    }

    [Fact]
    public void More_records_than_the_batches_hold_arrive_in_order_and_whole()
    {
        const int Writes = 300_000;
        var path = _directory.File("x.db");
        using (var store = HistoryStore.Create(path, SampleHistory.Info))
        {
            for (var i = 1; i <= Writes; i++)
                store.OnWrite(new TableWrite { Seq = i, Ordinal = i / 3, TableId = i % 1000, Index = (ushort)(i % 512), New = (ulong)i << 12, FaultId = -1, ExitId = -1, Level = 1 });
            store.Complete(new RunSummary { HistoryHash = "0" });
        }

        using var database = Database.OpenRead(path);
        Assert.Equal(
            (Writes, (long)Writes * (Writes + 1) / 2 << 12),
            database.Connection.QuerySingle<(long, long)>("SELECT count(*), sum(new) FROM table_write"));
        Assert.Equal(Writes, database.Runs[0].LastSeq);
        Assert.Equal("ok", database.Connection.ExecuteScalar<string>("PRAGMA integrity_check"));
    }
}
