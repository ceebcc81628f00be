using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

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
