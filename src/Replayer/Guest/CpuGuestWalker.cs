namespace Replay.Replayer.Guest;

/// <summary>The walk through a guest's own tables, in whichever mode the guest is: gva to gpa.</summary>
internal static class CpuGuestWalker
{
    private const ulong PdpteReservedInMemory = 0x7ff0_0000_0000_0000 | PteBits.NoExecute;

    /// <param name="tables">The guest's memory.</param>
    /// <param name="rules">From <see cref="PagingRules.ForGuest"/>.</param>
    /// <param name="registers">CR3 and the PDPTE registers.</param>
    /// <param name="access">What is asked.</param>
    /// <param name="result">What was found.</param>
    public static WalkStatus Walk<TTables>(
        ref TTables tables, in PagingRules rules, ControlRegisters registers, in GuestAccess access, ref WalkResult result)
        where TTables : struct, IPageTables
    {
        switch (rules.Mode)
        {
            case PagingMode.None:
                result.Address = (uint)access.Gva;
                result.Rights = PageRights.All;
                return WalkStatus.Mapped;
            case PagingMode.Bits32:
                return PageWalk.Walk<Bits32Format, TTables>(ref tables, rules, Truncate(access), WalkPosition.Start(registers.Cr3 & 0xffff_f000, 2), ref result);
            case PagingMode.Pae:
                return WalkPae(ref tables, rules, registers, Truncate(access), ref result);
            default:
                var levels = rules.Mode == PagingMode.Level5 ? 5 : 4;
                return IsCanonical(access.Gva, levels)
                    ? PageWalk.Walk<LongFormat, TTables>(ref tables, rules, access, WalkPosition.Start(registers.Cr3 & PteBits.Frame, levels), ref result)
                    : WalkStatus.NotCanonical;
        }
    }

    /// <summary>The rest of a walk that has been at a page table before; the way there is the same.</summary>
    public static WalkStatus WalkFrom<TTables>(
        ref TTables tables, in PagingRules rules, in GuestAccess access, in WalkPosition pageTable, ref WalkResult result)
        where TTables : struct, IPageTables => rules.Mode switch
        {
            PagingMode.Bits32 => PageWalk.Walk<Bits32Format, TTables>(ref tables, rules, access, pageTable, ref result),
            PagingMode.Pae => PageWalk.Walk<PaeFormat, TTables>(ref tables, rules, access, pageTable, ref result),
            _ => PageWalk.Walk<LongFormat, TTables>(ref tables, rules, access, pageTable, ref result),
        };

    /// <summary>The bits above the translated ones repeat the topmost of them.</summary>
    public static bool IsCanonical(ulong gva, int levels)
    {
        var unused = 64 - (12 + (9 * levels));
        return (ulong)((long)(gva << unused) >> unused) == gva;
    }

    /// <summary>Outside of long mode linear addresses have 32 bits.</summary>
    private static GuestAccess Truncate(in GuestAccess access) => access with { Gva = (uint)access.Gva };

    private static WalkStatus WalkPae<TTables>(
        ref TTables tables, in PagingRules rules, ControlRegisters registers, in GuestAccess access, ref WalkResult result)
        where TTables : struct, IPageTables
    {
        var index = access.Gva >> 30;
        var pdpte = registers.Pdptes[(int)index];
        if (rules.PdptesInMemory && !tables.TryRead((registers.Cr3 & 0xffff_ffe0) + (index * 8), 8, out pdpte))
            return WalkStatus.Unreachable;
        if ((pdpte & PteBits.Present) == 0)
        {
            result.ErrorCode = rules.FaultCode(PageFaultCode.None, access);
            return WalkStatus.Fault;
        }

        if (rules.PdptesInMemory && (pdpte & (PdpteReservedInMemory | rules.UnreachableFrames)) != 0)
        {
            result.ErrorCode = rules.ReservedFaultCode(access);
            return WalkStatus.Fault;
        }

        if (rules.SetsAccessedInPdpte && (pdpte & PteBits.Accessed) == 0 && !tables.TrySetBits(PteBits.Accessed))
            return WalkStatus.Unreachable;
        return PageWalk.Walk<PaeFormat, TTables>(ref tables, rules, access, WalkPosition.Start(pdpte & PteBits.Frame, 2), ref result);
    }
}
