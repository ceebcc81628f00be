using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct GuestFaultLayout : IRowLayout<GuestFaultRecord>
{
    public static string Table => "_guest_fault";

    public static string Columns => "run, ordinal, seq, gva, error_code, rip, exit_id, vcpu, recorded";

    public static void Bind(in GuestFaultRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.AddSeen(record.Gva);
        row.Add(record.ErrorCode);
        row.AddSeen(record.Rip);
        row.AddId(record.ExitId);
        row.AddSeen(record.Vcpu);
        row.Add(record.Recorded);
    }
}
