using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct TableWriteLayout : IRowLayout<TableWrite>
{
    // 25                   24..22   21..14  13   12..10    9..7      6..4        3      2..0
    // early software bits  context  vcpu    ept  new kind  old kind  tracepoint  actor  level
    private const int ActorShift = 3;
    private const int TracepointShift = 4;
    private const int OldKindShift = 7;
    private const int NewKindShift = 10;
    private const int EptShift = 13;
    private const int VcpuShift = 14;
    private const int ContextShift = 22;
    private const int EarlyShift = 25;

    public static string Table => "_table_write";

    public static string Columns => "run, ordinal, seq, table_id, idx, gfn, old, new, fault_id, exit_id, chain_id, flags";

    public static void Bind(in TableWrite record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add(record.TableId);
        row.Add(record.Index);
        row.AddSeen(record.Gfn);
        row.AddSeen(record.Old);
        row.AddSeen(record.New);
        row.AddId(record.FaultId);
        row.AddId(record.ExitId);
        row.Add(record.ChainId);
        row.Add(Flags(record, row.Entries));
    }

    /// <summary>What the new value of a stored row is.</summary>
    public static EntryKind NewKind(long flags) => (EntryKind)(flags >> NewKindShift & 7);

    /// <summary>What the old value of a stored row was.</summary>
    public static EntryKind OldKind(long flags) => (EntryKind)(flags >> OldKindShift & 7);

    /// <summary>Three bits have no room for <see cref="EntryKind.Unknown"/>: the value itself is NULL then.</summary>
    private static long StoredKind(EntryKind kind) => Math.Min((long)kind, (long)EntryKind.Other);

    private static long Flags(in TableWrite record, EntryClassifier entries) =>
        record.Level
        | (long)record.Actor << ActorShift
        | (long)record.Tracepoint << TracepointShift
        | StoredKind(entries.Classify(record.Old, record.Level)) << OldKindShift
        | StoredKind(entries.ClassifyNew(record)) << NewKindShift
        | (entries.IsEpt ? 1L : 0) << EptShift
        | (long)record.Vcpu << VcpuShift
        | (long)record.Context << ContextShift
        | (entries.HasEarlySoftwareBits ? 1L : 0) << EarlyShift;
}

/// <summary>The rows of pages as they are made; zap and free are filled in when they happen.</summary>
internal readonly struct TablePageLayout : IRowLayout<TablePageRecord>
{
    public static string Table => "_table_page";

    public static string Columns =>
        "run, table_id, level, role, gfn, pfn, is_tdp, is_special, generation, created_ordinal, created_seq, fault_id, chain_id, context";

    public static void Bind(in TablePageRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.TableId);
        row.Add(record.Level);
        row.Add(record.Role);
        row.AddSeen(record.Gfn);
        row.AddSeen(record.Pfn);
        row.Add(record.IsTdp);
        row.Add(record.IsSpecial);
        row.Add(record.Generation);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.AddId(record.FaultId);
        row.Add(record.ChainId);
        row.AddContext(record.Context);
    }
}

internal readonly struct PageOperationLayout : IRowLayout<TablePageRecord>
{
    public static string Table => "_page_operation";

    public static string Columns =>
        "run, ordinal, seq, table_id, operation, level, gfn, role, root_count, generation, unsync, fault_id, exit_id, chain_id, vcpu, context";

    public static void Bind(in TablePageRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add(record.TableId);
        row.Add((long)record.Operation);
        row.Add(record.Level);
        row.Add(record.Gfn);
        row.Add(record.Role);
        row.Add(record.RootCount);
        row.Add(record.Generation);
        row.Add(record.Unsync);
        row.AddId(record.FaultId);
        row.AddId(record.ExitId);
        row.Add(record.ChainId);
        row.AddSeen(record.Vcpu);
        row.AddContext(record.Context);
    }
}

internal readonly struct RmapLayout : IRowLayout<RmapRecord>
{
    public static string Table => "_rmap_change";

    public static string Columns => "run, ordinal, seq, operation, gfn, table_id, idx, level, child_id, fault_id, chain_id";

    public static void Bind(in RmapRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Operation);
        row.Add(record.Gfn);
        row.Add(record.TableId);
        row.Add(record.Index);
        row.Add(record.Level);
        if (record.ChildId != 0)
            row.Add(record.ChildId);
        else
            row.AddNull();
        row.AddId(record.FaultId);
        row.Add(record.ChainId);
    }
}

internal readonly struct RootLayout : IRowLayout<RootRecord>
{
    public static string Table => "_root_change";

    public static string Columns => "run, ordinal, seq, operation, value, table_id, exit_id, chain_id, vcpu, context";

    public static void Bind(in RootRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Operation);
        row.AddSeen(record.Value);
        row.Add(record.TableId);
        row.AddId(record.ExitId);
        row.Add(record.ChainId);
        row.AddSeen(record.Vcpu);
        row.AddContext(record.Context);
    }
}
