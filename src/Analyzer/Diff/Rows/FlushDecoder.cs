using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>TLB flushes that KVM asked for, counted by kind.</summary>
internal readonly struct FlushDecoder : IRowDecoder
{
    public static string Select => "SELECT ordinal, kind, start, pages FROM _tlb_flush";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 16;

    public void Decode(nint statement, ref DiffRow row)
    {
        row.Sort = (int)NativeSqlite.ColumnInt64(statement, 1) & (Sorts - 1);
        row.KeyHigh = (ulong)row.Sort;
        row.Strict1 = (ulong)NativeSqlite.ColumnInt64(statement, 2);
        row.Strict2 = (ulong)NativeSqlite.ColumnInt64(statement, 3);
    }
}
