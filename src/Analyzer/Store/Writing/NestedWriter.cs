using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>The database's side of what only guests have that run guests of their own. SQLite takes it: it is little.</summary>
internal sealed class NestedWriter(NativeConnection connection, int run) : IDisposable
{
    public const string StateTable = "_guest_state";
    public const string PageTable = "_guest_page";
    public const string EntryTable = "_guest_entry";

    /// <summary>Added to a reason of VMX, since the numbers of the two mean different exits.</summary>
    private const long VmxCode = 1L << 32;

    private NativeStatement? _page;
    private NativeStatement? _entry;

    /// <param name="states">How vCPUs stand.</param>
    /// <param name="entries">What the guest's tables hold.</param>
    /// <param name="lastOrdinal">Rows are stored up to here.</param>
    public void Write(List<GuestStateRecord> states, ReadOnlySpan<GuestEntryRecord> entries, long lastOrdinal)
    {
        foreach (var state in states)
        {
            if (state.Ordinal <= lastOrdinal)
                Insert(state);
        }

        foreach (ref readonly var entry in entries)
        {
            if (entry.Ordinal <= lastOrdinal)
                Insert(entry);
        }
    }

    public void Dispose()
    {
        _page?.Dispose();
        _entry?.Dispose();
    }

    private void Insert(in GuestStateRecord state)
    {
        var isNested = state.Context == GuestContext.NestedL2;
        var isEntry = state.Cause is GuestStateCause.Vmrun or GuestStateCause.Reentry;
        var isExit = state.Cause == GuestStateCause.Vmexit;
        connection.Run(
            "INSERT OR REPLACE INTO _guest_state (run, vcpu, ordinal, seq, cause, context, cr0, cr3, cr4, efer, nested_root, nested_levels, vmcb, asid, tlb_control, "
            + "code, info1, info2, exit_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run,
            (int)state.Vcpu,
            state.Ordinal,
            state.Seq,
            (int)state.Cause,
            (int)state.Context,
            Seen(state.Cr0),
            Seen(state.Cr3),
            Seen(state.Cr4),
            Seen(state.Efer),
            isNested ? Seen(state.NestedRoot) : null,
            isNested && state.NestedLevels != Unseen.Byte ? (int)state.NestedLevels : null,
            state.Context == GuestContext.L1 && !isExit ? null : Seen(state.Vmcb),
            isEntry && state.Asid != uint.MaxValue ? (long)state.Asid : null,
            isEntry && state.TlbControl != Unseen.Byte ? (int)state.TlbControl : null,
            isExit && Seen(state.Code) is { } code ? code | (state.IsVmx ? VmxCode : 0) : null,
            isExit ? Seen(state.Info1) : null,
            isExit ? Seen(state.Info2) : null,
            state.ExitId < 0 ? null : state.ExitId);
    }

    /// <summary>A word that a trace may not show.</summary>
    private static long? Seen(ulong word) => word == Unseen.Word ? null : (long)word;

    private void Insert(in GuestEntryRecord record)
    {
        NativeStatement statement;
        if (record.Index == GuestEntryRecord.Page)
        {
            statement = _page ??= connection.Prepare("INSERT OR REPLACE INTO _guest_page (run, gfn, ordinal, known) VALUES (?, ?, ?, ?)");
            statement.BindInt64(4, (long)record.Value);
        }
        else
        {
            statement = _entry ??= connection.Prepare("INSERT OR REPLACE INTO _guest_entry (run, gfn, ordinal, idx, value) VALUES (?, ?, ?, ?, ?)");
            statement.BindInt64(4, record.Index);
            statement.BindInt64(5, (long)record.Value);
        }

        statement.BindInt64(1, run);
        statement.BindInt64(2, (long)record.Gfn);
        statement.BindInt64(3, record.Ordinal);
        statement.Step();
        statement.Reset();
    }
}
