namespace Replay.Replayer.Guest;

/// <summary>
/// The CPU's walk through tables of one format. An entry that points at a table gets its accessed bit as soon as it is used, also
/// when a lower level then faults; the leaf gets accessed and dirty bits once the access is found to be allowed.
/// </summary>
/// <remarks>SDM: Hierarchical Paging Structures, Accessed and Dirty Flags.</remarks>
internal static class PageWalk
{
    /// <param name="tables">Where the tables are.</param>
    /// <param name="rules">Switches of the CPU.</param>
    /// <param name="access">What is asked.</param>
    /// <param name="from">Where to start.</param>
    /// <param name="result">What was found.</param>
    public static WalkStatus Walk<TFormat, TTables>(
        ref TTables tables, in PagingRules rules, in GuestAccess access, in WalkPosition from, ref WalkResult result)
        where TFormat : struct, IPteFormat
        where TTables : struct, IPageTables
    {
        var rights = from.Rights;
        var table = from.Table;
        for (var level = from.Level; ; level--)
        {
            var shift = 12 + (TFormat.IndexBits * (level - 1));
            var index = access.Gva >> shift & ((1UL << TFormat.IndexBits) - 1);
            if (!tables.TryRead(table + (index * (ulong)TFormat.EntrySize), TFormat.EntrySize, out var entry))
                return WalkStatus.Unreachable;
            if ((entry & PteBits.Present) == 0)
                return Fault(rules.FaultCode(PageFaultCode.None, access), ref result);
            var leaf = TFormat.IsLeaf(entry, level, rules);
            if ((entry & TFormat.Reserved(level, leaf, rules)) != 0)
                return Fault(rules.ReservedFaultCode(access), ref result);
            rights = rights.And(entry);
            if (leaf)
            {
                result.Address = TFormat.PageBase(entry, level) | (access.Gva & ((1UL << shift) - 1));
                result.Rights = rights;
                return Finish(ref tables, rules, access, entry, ref result);
            }

            if ((entry & PteBits.Accessed) == 0 && !tables.TrySetBits(PteBits.Accessed))
                return WalkStatus.Unreachable;
            table = entry & PteBits.Frame;
            if (level == 2)
                tables.ArriveAtPageTable(new WalkPosition(table, 1, rights));
        }
    }

    private static WalkStatus Finish<TTables>(
        ref TTables tables, in PagingRules rules, in GuestAccess access, ulong leaf, ref WalkResult result)
        where TTables : struct, IPageTables
    {
        var reason = rules.Judge(result.Rights, leaf, access);
        if (reason != PageFaultCode.None)
            return Fault(rules.FaultCode(reason, access), ref result);
        var bits = access.IsWrite ? PteBits.Accessed | PteBits.Dirty : PteBits.Accessed;
        if ((leaf & bits) != bits && !tables.TrySetBits(bits))
            return WalkStatus.Unreachable;
        return WalkStatus.Mapped;
    }

    private static WalkStatus Fault(PageFaultCode code, ref WalkResult result)
    {
        result.ErrorCode = code;
        return WalkStatus.Fault;
    }
}

/// <summary>Where a walk stands before it reads an entry.</summary>
/// <param name="Table">Address of the table, in the address space of the tables.</param>
/// <param name="Level">Its level; 1 is a page table.</param>
/// <param name="Rights">Of the entries read so far.</param>
internal readonly record struct WalkPosition(ulong Table, int Level, PageRights Rights)
{
    /// <summary>Before the first entry.</summary>
    public static WalkPosition Start(ulong table, int level) => new(table, level, PageRights.All);
}

/// <summary>What a walk found.</summary>
internal struct WalkResult
{
    /// <summary>The physical address, where it ended as <see cref="WalkStatus.Mapped"/>.</summary>
    public ulong Address;

    /// <summary>The rights of all entries, where it ended as <see cref="WalkStatus.Mapped"/>.</summary>
    public PageRights Rights;

    /// <summary>Where it ended as <see cref="WalkStatus.Fault"/>.</summary>
    public PageFaultCode ErrorCode;
}

/// <summary>How a walk ended.</summary>
internal enum WalkStatus : byte
{
    /// <summary>It found a page and the access is allowed; accessed and dirty bits are set.</summary>
    Mapped = 0,

    /// <summary>#PF.</summary>
    Fault = 1,

    /// <summary>#GP: the address is not canonical.</summary>
    NotCanonical = 2,

    /// <summary>An entry could not be reached; the tables know why.</summary>
    Unreachable = 3,
}
