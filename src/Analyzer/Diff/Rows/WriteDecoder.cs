using Replay.Analyzer.Store;

namespace Replay.Analyzer.Diff.Rows;

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
