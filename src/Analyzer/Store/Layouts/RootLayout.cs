using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct RootLayout : IRowLayout<RootRecord>
{
    public static string Table => "_root_change";

    public static string Columns => "run, ordinal, seq, operation, value, table_id, exit_id, chain_id, vcpu";

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
    }
}
