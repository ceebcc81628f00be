using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Layouts;

internal readonly struct VmExitLayout : IRowLayout<VmExitRecord>
{
    public static string Table => "_vm_exit";

    public static string Columns => "run, exit_id, ordinal, seq, reason, vcpu, info1, info2, rip";

    public static void Bind(in VmExitRecord record, ref RowValues row)
    {
        row.Add(row.Run);
        row.Add(record.ExitId);
        row.Add(record.Ordinal);
        row.Add(record.Seq);
        row.Add((long)record.Reason);
        row.AddSeen(record.Vcpu);
        row.Add(record.Info1);
        row.AddSeen(record.Info2);
        row.AddSeen(record.Rip);
    }
}
