using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct FlushLayout : IRowLayout<TlbFlushRecord>
{
    public static string Table => "_tlb_flush";

    public static string Columns => "run, ordinal, seq, kind, start, pages, fault_id, exit_id, chain_id, vcpu, requester, targets";

    public static void Bind(in TlbFlushRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Kind);
        row.Add(record.Start);
        row.Add(record.Pages);
        row.AddId(record.FaultId);
        row.AddId(record.ExitId);
        row.Add(record.ChainId);
        row.AddSeen(record.Vcpu);
        row.AddId(record.Targets == 0 ? -1 : record.Requester);
        row.AddId(record.Targets == 0 ? -1 : record.Targets);
    }
}
