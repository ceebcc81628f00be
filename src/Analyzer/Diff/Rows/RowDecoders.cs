using Replay.Analyzer.Store;
using Replay.Replayer.History;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Makes <see cref="DiffRow"/>s of one kind of record.</summary>
internal interface IRowDecoder
{
    static abstract string Table { get; }

    /// <summary>The columns it reads, <c>ordinal</c> first.</summary>
    static abstract string Columns { get; }

    /// <summary>The order of history, as the table's key has it.</summary>
    static abstract string KeyOrder { get; }

    /// <summary>How many sorts there are.</summary>
    static abstract int Sorts { get; }

    /// <summary>Fills all but the ordinal.</summary>
    /// <param name="columns">The columns of a row; NULL is 0.</param>
    /// <param name="row">What is filled.</param>
    void Decode(ReadOnlySpan<long> columns, ref DiffRow row);
}

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

/// <summary>
/// Table writes, counted by level and function; alike: the same place in the guest's memory gets an entry of the same kind, with the same
/// rights and, if it maps a page, the same host frame. Where a table lies, and which table it is, is each run's own business.
/// </summary>
/// <param name="functions">The function that made the writes of each chain, by the chain's number.</param>
/// <param name="leavesOnly">One of the runs stored leaf writes only.</param>
/// <param name="withoutFrames">The hosts' frames have nothing to do with each other.</param>
/// <param name="observable">The other side is a real KVM, which does not see what the CPU writes.</param>
/// <param name="mappings">Follows what the tables hold in the end, if not null.</param>
internal readonly struct WriteDecoder(int[] functions, bool leavesOnly, bool withoutFrames, bool observable, FinalMappings? mappings) : IRowDecoder
{
    public const int FunctionBits = 9;

    private const ulong FrameMask = 0x000f_ffff_ffff_f000;

    public static string Table => "_table_write";

    public static string Columns => "ordinal, table_id, idx, gfn, old, new, chain_id, flags";

    public static string KeyOrder => "ordinal, seq";

    public static int Sorts => 8 << FunctionBits;

    // key  63..24  23..16  7..5   4      2..0
    //      gfn     kind    level  actor  x w r
    public void Decode(ReadOnlySpan<long> columns, ref DiffRow row)
    {
        var index = (int)columns[2];
        var gfn = (ulong)columns[3];
        var old = (ulong)columns[4];
        var value = (ulong)columns[5];
        var chain = (int)columns[6];
        var flags = (uint)columns[7];
        var level = flags & 7;
        var hardware = flags >> 3 & 1;
        var oldKind = (EntryKind)(flags >> 7 & 7);
        var kind = (EntryKind)(flags >> 10 & 7);
        var isLeaf = kind is EntryKind.Page or EntryKind.Huge;
        row.Sort = (int)(level << FunctionBits) | functions[chain];
        row.KeyHigh = gfn << 24 | (ulong)kind << 16 | level << 5 | hardware << 4 | Rights(value, kind, (flags >> 13 & 1) != 0);
        row.KeyLow = isLeaf && !withoutFrames ? value & FrameMask : 0;
        row.Strict1 = old;
        row.Strict2 = value;
        row.IsApart = (leavesOnly && !isLeaf && !IsLeaf(oldKind)) || (observable && hardware != 0);
        mappings?.Set((int)columns[1], index, (int)level, kind, gfn, value);
    }

    private static bool IsLeaf(EntryKind kind) => kind is EntryKind.Page or EntryKind.Huge or EntryKind.Mmio;

    /// <summary>Read, write, execute in bits 0 to 2, whatever the format.</summary>
    private static ulong Rights(ulong entry, EntryKind kind, bool isEpt)
    {
        if (kind is not (EntryKind.Page or EntryKind.Huge or EntryKind.Table))
            return 0;
        return isEpt ? entry & 7 : (entry & 3) | (~entry >> 63 << 2);
    }
}
