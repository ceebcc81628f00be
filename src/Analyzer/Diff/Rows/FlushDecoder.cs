namespace Replay.Analyzer.Diff.Rows;

/// <summary>TLB flushes that KVM asked for, counted by kind.</summary>
internal readonly struct FlushDecoder : IRowDecoder
{
    public static string Table => "_tlb_flush";

    public static string Columns => "ordinal, kind, start, pages";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 16;

    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        row.Sort = (int)columns[1] & (Sorts - 1);
        row.KeyHigh = (ulong)row.Sort;
        row.Strict1 = (ulong)columns[2];
        row.Strict2 = (ulong)columns[3];
    }
}
