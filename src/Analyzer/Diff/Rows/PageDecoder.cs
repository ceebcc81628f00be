namespace Replay.Analyzer.Diff.Rows;

/// <summary>What happens to table pages, counted by operation; alike: the same operation on a table of the same level for the same frame.</summary>
internal readonly struct PageDecoder : IRowDecoder
{
    public static string Table => "_page_operation";

    public static string Columns => "ordinal, operation, level, gfn, role";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 16;

    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        row.Sort = (int)columns[1] & (Sorts - 1);
        row.KeyLow = (uint)row.Sort | (ulong)columns[2] << 8;
        row.KeyHigh = (ulong)columns[3];
        row.Strict1 = (ulong)columns[4];
    }
}
