namespace Replay.Analyzer.Diff.Rows;

/// <summary>Faults that KVM handled, counted by outcome; alike: the same access to the same page, with the same outcome and page size.</summary>
/// <param name="byAddress">The page is told by the address of the fault: one of the sides does not show the guest-virtual one.</param>
internal readonly struct FaultDecoder(bool byAddress) : IRowDecoder
{
    public static string Table => "_fault";

    public static string Columns => "ordinal, outcome, mapped_level, access, gva, error_code, address";

    public static string KeyOrder => "fault_id";

    public static int Sorts => 32;

    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        row.Sort = (int)columns[1] & (Sorts - 1);
        var level = (ulong)columns[2];
        var access = (ulong)columns[3];
        row.KeyHigh = (ulong)columns[byAddress ? 6 : 4] >> 12;
        row.KeyLow = (uint)row.Sort | level << 8 | access << 16;
        row.Strict1 = (ulong)columns[5];
        row.Strict2 = (ulong)columns[6];
    }
}
