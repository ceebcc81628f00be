using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct TableWriteLayout : IRowLayout<TableWrite>
{
    // 21..14  13   12..10    9..7      6..4        3      2..0
    // vcpu    ept  new kind  old kind  tracepoint  actor  level
    private const int ActorShift = 3;
    private const int TracepointShift = 4;
    private const int OldKindShift = 7;
    private const int NewKindShift = 10;
    private const int EptShift = 13;
    private const int VcpuShift = 14;

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

    /// <summary>Three bits have no room for <see cref="EntryKind.Unknown"/>: the value itself is NULL then.</summary>
    private static long StoredKind(EntryKind kind) => Math.Min((long)kind, (long)EntryKind.Other);

    private static long Flags(in TableWrite record, EntryClassifier entries) =>
        record.Level
        | (long)record.Actor << ActorShift
        | (long)record.Tracepoint << TracepointShift
        | StoredKind(entries.Classify(record.Old, record.Level)) << OldKindShift
        | StoredKind(entries.ClassifyNew(record)) << NewKindShift
        | (entries.IsEpt ? 1L : 0) << EptShift
        | (long)record.Vcpu << VcpuShift;
}
