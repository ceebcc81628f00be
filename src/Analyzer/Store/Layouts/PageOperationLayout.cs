using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct PageOperationLayout : IRowLayout<TablePageRecord>
{
    public static string Table => "_page_operation";

    public static string Columns =>
        "run, ordinal, seq, table_id, operation, level, gfn, role, root_count, generation, unsync, fault_id, exit_id, chain_id, vcpu";

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
    }
}
