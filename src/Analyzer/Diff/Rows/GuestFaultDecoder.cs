using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Page faults that reached the guest; alike: the same address and error code.</summary>
internal readonly struct GuestFaultDecoder : IRowDecoder
{
    public static string Select => "SELECT ordinal, gva, error_code FROM _guest_fault";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 1;

    public void Decode(nint statement, ref DiffRow row)
    {
        row.KeyHigh = (ulong)NativeSqlite.ColumnInt64(statement, 1);
        row.KeyLow = (ulong)NativeSqlite.ColumnInt64(statement, 2);
    }
}
