using Replay.Replayer.Guest;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>The walk of AMD's nested page tables: the host's own 4- or 5-level format, every access a user access.</summary>
/// <remarks>APM: Nested Paging.</remarks>
/// <param name="pages">All table pages.</param>
/// <param name="writer">Sets bits.</param>
/// <param name="profile">The host.</param>
/// <param name="tlb">See <see cref="SecondDimension"/>.</param>
/// <param name="cache">Spares the way to page tables.</param>
/// <param name="isShadow">The tables are the shadow of those that a hypervisor made: addresses are its guest's, and KVM knows what they lead to.</param>
internal sealed class NptWalker(
    TablePages pages, TableWriter writer, HostProfile profile, NestedTlb? tlb, PagingStructureCache? cache, bool isShadow = false)
    : SecondDimension(tlb, writer)
{
    /// <summary>EXITINFO1: the final guest-physical address faulted.</summary>
    public const ulong GuestFinal = 1UL << 32;

    /// <summary>EXITINFO1: the address of an entry of a guest table faulted.</summary>
    public const ulong GuestPage = 1UL << 33;

    private readonly PagingRules _rules = new()
    {
        Mode = PagingMode.Level4,
        WriteProtect = true,
        NoExecute = true,
        PhysicalAddressBits = profile.PhysicalAddressBits,
        ReservedFaultLacksPresent = profile.ReservedFaultLacksPresent,
    };

    public override bool IsShadow => isShadow;

    /// <summary>Guest table accesses are writes for nested paging, whether or not bits have to be set.</summary>
    public override bool TableReadsAreWrites => true;

    protected override bool Walk(ulong gpa, in GpaAccess access, out ulong hpa)
    {
        var final = access.Purpose == GpaPurpose.Final;
        var tables = new KvmTables(pages, Writer, Recorder);
        var result = default(WalkResult);
        var request = new GuestAccess(gpa, final ? access.Kind : AccessKind.Write, AccessFlags.User);
        if (cache is not null && cache.TryFind(gpa, Epoch, out var from, out var references))
            References += references.Kvm;
        else
            from = WalkPosition.Start(Root.Table!.Pfn << 12, Root.Level);
        var status = PageWalk.Walk<LongFormat, KvmTables>(ref tables, _rules, request, from, ref result);
        if (tables.PageTable.Level != 0)
            cache?.Fill(gpa, Epoch, tables.PageTable, (0, tables.ReferencesToPageTable));
        References += tables.References;
        hpa = result.Address;
        if (isShadow && status == WalkStatus.Mapped)
            Target = tables.TargetGfn(gpa) << 12 | (gpa & 0xfff);
        return status == WalkStatus.Mapped
            || Exit(ExitReason.Npf, (ulong)result.ErrorCode | (final ? GuestFinal : GuestPage), gpa, out hpa);
    }
}
