using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Faults that KVM handled, counted by outcome; alike: the same access to the same page, with the same outcome and page size.</summary>
/// <param name="byAddress">The page is told by the address of the fault: one of the sides does not show the guest-virtual one.</param>
internal readonly struct FaultDecoder(bool byAddress) : IRowDecoder
{
    public static string Select => "SELECT ordinal, outcome, mapped_level, access, gva, error_code, address FROM _fault";

    public static string KeyOrder => "fault_id";

    public static int Sorts => 32;

    public void Decode(nint statement, ref DiffRow row)
    {
        row.Sort = (int)NativeSqlite.ColumnInt64(statement, 1) & (Sorts - 1);
        var level = (ulong)NativeSqlite.ColumnInt64(statement, 2);
        var access = (ulong)NativeSqlite.ColumnInt64(statement, 3);
        row.KeyHigh = (ulong)NativeSqlite.ColumnInt64(statement, byAddress ? 6 : 4) >> 12;
        row.KeyLow = (uint)row.Sort | level << 8 | access << 16;
        row.Strict1 = (ulong)NativeSqlite.ColumnInt64(statement, 5);
        row.Strict2 = (ulong)NativeSqlite.ColumnInt64(statement, 6);
    }
}
