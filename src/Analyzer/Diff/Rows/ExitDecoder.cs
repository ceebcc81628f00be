using Replay.Replayer.History;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Exits, counted by reason. Exits for a page that is not mapped are alike, whatever a mode calls them.</summary>
internal readonly struct ExitDecoder : IRowDecoder
{
    public static string Table => "_vm_exit";

    public static string Columns => "ordinal, reason, info1, info2";

    public static string KeyOrder => "exit_id";

    public static int Sorts => 64;

    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        row.Sort = (int)columns[1] & (Sorts - 1);
        row.KeyHigh = (ulong)Class((ExitReason)row.Sort);
        row.Strict1 = (ulong)columns[2];
        row.Strict2 = (ulong)columns[3];
    }

    public static ExitReason Class(ExitReason reason) => IsFault(reason) ? ExitReason.PageFault : reason;

    public static bool IsFault(ExitReason reason) => reason is ExitReason.EptViolation or ExitReason.EptMisconfig or ExitReason.Npf or ExitReason.PageFault;
}
