namespace Replay.Analyzer.Diff.Rows;

/// <summary>Page faults that reached the guest; alike: the same address and error code.</summary>
internal readonly struct GuestFaultDecoder : IRowDecoder
{
    public static string Table => "_guest_fault";

    public static string Columns => "ordinal, gva, error_code";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 1;

    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        row.KeyHigh = (ulong)columns[1];
        row.KeyLow = (ulong)columns[2];
    }
}
