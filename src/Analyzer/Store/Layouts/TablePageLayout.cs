using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

/// <summary>The rows of pages as they are made; zap and free are filled in when they happen.</summary>
internal readonly struct TablePageLayout : IRowLayout<TablePageRecord>
{
    public static string Table => "_table_page";

    public static string Columns =>
        "run, table_id, level, role, gfn, pfn, is_tdp, is_special, generation, created_ordinal, created_seq, fault_id, chain_id";

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
    }
}
