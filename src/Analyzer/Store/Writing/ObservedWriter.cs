using Replay.Analyzer.Observed;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The database's side of what only observed runs have. Lives on the ingest thread.</summary>
internal sealed class ObservedWriter(NativeConnection connection, int run)
{
    public void Write(ObservedBatch batch)
    {
        batch.Events.Insert(connection, run);
        foreach (var (page, mask) in batch.EarlierPages)
            InsertEarlier(page, mask);
        foreach (var (page, mask) in batch.RoleMasks)
        {
            connection.Run("UPDATE _page_operation SET role_mask = ? WHERE run = ? AND ordinal = ? AND seq = ?", mask, run, page.Ordinal, page.Seq);
            if (page.Operation == PageOperation.Create)
                connection.Run("UPDATE _table_page SET role_mask = ? WHERE run = ? AND table_id = ?", mask, run, page.TableId);
        }

        foreach (var facts in batch.Facts)
        {
            connection.Run(
                "UPDATE _table_page SET pfn = ?, role = ?, role_mask = ?, context = ? WHERE run = ? AND table_id = ?",
                Known(facts.Pfn),
                facts.RoleMask == 0 ? (uint?)null : facts.Role,
                Mask(facts.RoleMask),
                Known(facts.Context),
                run,
                facts.TableId);
        }
    }

    public void WriteSummary(ObservedSummary summary)
    {
        foreach (var name in summary.Names)
            connection.Run("INSERT INTO _trace_name (run, name_id, name, probed_function, events) VALUES (?, ?, ?, ?, ?)", run, name.Id, name.Name, name.ProbedFunction, name.Events);
        for (var i = 0; i < summary.Tasks.Count; i++)
            connection.Run("INSERT INTO _trace_task (run, task_id, task) VALUES (?, ?, ?)", run, i, summary.Tasks[i]);
        foreach (var capability in summary.Capabilities)
            connection.Run("INSERT INTO _capability (run, fact, shown, source) VALUES (?, ?, ?, ?)", run, capability.Fact, capability.Shown, capability.Source);
        WriteGuestCr3(summary.GuestCr3s);
        connection.Run(
            "UPDATE _run SET capture_hash = ?, capture_complete = ?, options = ? WHERE run = ?",
            summary.TraceHash,
            summary.TraceComplete,
            System.Text.Json.JsonSerializer.Serialize(summary.Options),
            run);
    }

    public void WriteGuestCr3(IReadOnlyList<GuestCr3> loads)
    {
        foreach (var load in loads)
            connection.Run("INSERT OR REPLACE INTO _guest_cr3 (run, vcpu, ordinal, value) VALUES (?, ?, ?, ?)", run, (int)load.Vcpu, load.Ordinal, load.Value);
    }

    /// <param name="of">The run whose rows they are of: this one, or the one that it is held against.</param>
    /// <param name="origins">What each rests on.</param>
    public void WriteOrigins(int of, IReadOnlyList<(long Ordinal, long Seq, WriteOrigin Origin)> origins)
    {
        foreach (var (ordinal, seq, origin) in origins)
            connection.Run("INSERT INTO _write_origin (run, ordinal, seq, origin) VALUES (?, ?, ?, ?)", of, ordinal, seq, (int)origin);
    }

    private void InsertEarlier(in TablePageRecord page, uint mask) =>
        connection.Run(
            "INSERT INTO _table_page (run, table_id, level, role, gfn, pfn, is_tdp, is_special, generation, created_ordinal, created_seq, chain_id, role_mask, "
            + "created_shown, context) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?)",
            run,
            page.TableId,
            (int)page.Level,
            mask == 0 ? (uint?)null : page.Role,
            Known(page.Gfn),
            Known(page.Pfn),
            (int)page.IsTdp,
            (int)page.IsSpecial,
            (int)page.Generation,
            page.Ordinal,
            page.Seq,
            Mask(mask),
            Known(page.Context));

    private static ulong? Known(ulong word) => word == Unseen.Word ? null : word;

    private static int? Known(GuestContext context) => context == GuestContext.Unknown ? null : (int)context;

    private static uint? Mask(uint mask) => mask == uint.MaxValue ? null : mask;
}
