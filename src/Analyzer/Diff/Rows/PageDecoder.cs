using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>What happens to table pages, counted by operation; alike: the same operation on a table of the same level for the same frame.</summary>
internal readonly struct PageDecoder : IRowDecoder
{
    public static string Select => "SELECT ordinal, operation, level, gfn, role FROM _page_operation";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 16;

    public void Decode(nint statement, ref DiffRow row)
    {
        row.Sort = (int)NativeSqlite.ColumnInt64(statement, 1) & (Sorts - 1);
        row.KeyLow = (uint)row.Sort | (ulong)NativeSqlite.ColumnInt64(statement, 2) << 8;
        row.KeyHigh = (ulong)NativeSqlite.ColumnInt64(statement, 3);
        row.Strict1 = (ulong)NativeSqlite.ColumnInt64(statement, 4);
    }
}
