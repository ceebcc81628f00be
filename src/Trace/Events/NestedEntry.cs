using System.Text.Json.Serialization;

namespace Replay.Trace;

/// <summary>
/// What VMRUN took from the VMCB that L1 made for L2, and what the CPU's registers hold when L2 begins: the detail of
/// <see cref="TraceEventKind.NestedEnter"/>.
/// </summary>
public sealed record NestedEntry
{
    /// <summary>The VMCB's control of nested paging, offset 0x90: bit 0 is NP_ENABLE.</summary>
    public ulong NestedControl { get; init; }

    /// <summary>Root of L1's nested page tables, in L1's physical memory. Means nothing without <see cref="NestedPaging"/>.</summary>
    public ulong NestedCr3 { get; init; }

    public uint Asid { get; init; }

    /// <summary>
    /// The entry is a VMLAUNCH or VMRESUME: bit 0 of the nested control says that L1 gave L2 extended page tables, the root is the whole EPTP, the
    /// ASID the VPID (0: none).
    /// </summary>
    public bool? Vmx { get; init; }

    /// <summary>TLB_CONTROL: 0 nothing, 1 everything, 3 this ASID, 7 this ASID's entries that are not global.</summary>
    public byte TlbControl { get; init; }

    /// <summary>L2's registers.</summary>
    public ulong Cr0 { get; init; }

    public ulong Cr2 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    /// <summary>
    /// L1 wrote CR3 into the VMCS since the last exit; false: what stands there is what the CPU left, L2's own. Null where that is not told.
    /// </summary>
    public bool? Cr3Written { get; init; }

    /// <summary>PDPTEs of an L2 under PAE paging, which VMX takes from the VMCS where L1 made extended page tables; null elsewhere.</summary>
    public ulong? Pdpte0 { get; init; }

    public ulong? Pdpte1 { get; init; }

    public ulong? Pdpte2 { get; init; }

    public ulong? Pdpte3 { get; init; }

    /// <summary>G_PAT: memory types of L2's own tables.</summary>
    public ulong Pat { get; init; }

    public ulong Rip { get; init; }

    public ulong Rflags { get; init; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; init; }

    /// <summary>Which accesses to control registers exit: reads in bits 0 to 15, writes in bits 16 to 31.</summary>
    public uint InterceptCr { get; init; }

    /// <summary>Which exceptions exit, by vector.</summary>
    public uint InterceptExceptions { get; init; }

    /// <summary>Instructions and events that exit: the words at offsets 0x0c and 0x10 of the VMCB.</summary>
    public ulong Intercepts { get; init; }

    /// <summary>Event that is injected on entry, EVENTINJ; bit 31 says that there is one.</summary>
    public ulong EventInjection { get; init; }

    /// <summary>L2's addresses go through L1's nested page tables.</summary>
    [JsonIgnore]
    public bool NestedPaging => (NestedControl & 1) != 0;
}

/// <summary>What #VMEXIT left in L1's VMCB, and L1's registers after it: the detail of <see cref="TraceEventKind.NestedExit"/>.</summary>
public sealed record NestedExit
{
    /// <summary>EXITINFO1: of a nested page fault (exit code 0x400) its error code, of an intercepted #PF that of the #PF.</summary>
    public ulong Info1 { get; init; }

    /// <summary>EXITINFO2: of a nested page fault L2's guest-physical address, of an intercepted #PF the faulting address.</summary>
    public ulong Info2 { get; init; }

    /// <summary>EXITINTINFO: the event whose delivery was interrupted; bit 31 says that there was one.</summary>
    public ulong InterruptInfo { get; init; }

    /// <summary>L1's registers.</summary>
    public ulong Cr0 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    public ulong Rflags { get; init; }
}
