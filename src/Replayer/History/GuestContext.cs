using System.Runtime.InteropServices;
using Replay.Replayer.Guest;

namespace Replay.Replayer.History;

/// <summary>
/// Which guest a record belongs to, and which of the vCPU's MMUs: the guest itself (L1), or the guest of the hypervisor that it is (L2).
/// Follows from what else is hashed, and stays out of the history hash. Values are stored: append, never renumber.
/// </summary>
public enum GuestContext : byte
{
    /// <summary>L1, under root_mmu.</summary>
    L1 = 0,

    /// <summary>L2 whose hypervisor gave it no nested page tables: under root_mmu as well.</summary>
    L2 = 1,

    /// <summary>L2 under its hypervisor's nested page tables: guest_mmu shadows these, nested_mmu walks L2's own.</summary>
    NestedL2 = 2,

    /// <summary>The host's own doing, or not known.</summary>
    Unknown = 3,

    /// <summary>L2, under an MMU that is not known: a trace does not tell.</summary>
    SomeL2 = 4,
}

/// <summary>
/// How a vCPU stands: the running guest's registers, and of L2 also what its hypervisor walks for it. Reported from the first VMRUN on, at each
/// way into L2 and out of it and at each change of a control register. No part of the history hash.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct GuestStateRecord
{
    /// <summary>Place of the record before it.</summary>
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    public ulong Cr0 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    /// <summary>Of <see cref="GuestContext.NestedL2"/>: root of L1's nested page tables.</summary>
    public ulong NestedRoot { get; init; }

    /// <summary>Guest-physical address of L1's VMCB for this L2.</summary>
    public ulong Vmcb { get; init; }

    /// <summary>Of an exit: its code.</summary>
    public ulong Code { get; init; }

    /// <summary>Of an exit: EXITINFO1 and EXITINFO2.</summary>
    public ulong Info1 { get; init; }

    public ulong Info2 { get; init; }

    /// <summary>Of an entry: the address space number that L1 gave L2.</summary>
    public uint Asid { get; init; }

    public int ExitId { get; init; }

    /// <summary>Levels of L1's nested page tables, 2 to 5.</summary>
    public byte NestedLevels { get; init; }

    /// <summary>Of an entry: what L1 wants flushed.</summary>
    public byte TlbControl { get; init; }

    public GuestStateCause Cause { get; init; }

    public GuestContext Context { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>Of an exit: its code is a basic exit reason of VMX, not an exit code of SVM.</summary>
    public bool IsVmx { get; init; }

    internal static GuestStateRecord Of(ControlRegisters registers, GuestContext context, GuestStateCause cause) => new()
    {
        Cr0 = registers.Cr0,
        Cr3 = registers.Cr3,
        Cr4 = registers.Cr4,
        Efer = registers.Efer,
        Context = context,
        Cause = cause,
    };
}

/// <summary>Why a <see cref="GuestStateRecord"/> was made. Values are stored.</summary>
public enum GuestStateCause : byte
{
    /// <summary>L2 is entered.</summary>
    Vmrun = 1,

    /// <summary>L1 gets an exit of L2.</summary>
    Vmexit = 2,

    /// <summary>A control register of the running guest changed.</summary>
    Registers = 3,

    /// <summary>The exit did not happen after all: the capture shows L2 going on.</summary>
    Reentry = 4,
}

/// <summary>
/// What a page of the guest's own tables holds: reported from the first VMRUN on, first all that is known then. No part of the history hash.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct GuestEntryRecord
{
    /// <summary>In <see cref="Index"/>: the page as a whole.</summary>
    public const int Page = -1;

    public long Ordinal { get; init; }

    /// <summary>The page.</summary>
    public ulong Gfn { get; init; }

    /// <summary>What the 8 bytes hold from here on. Of a page: 1: it is known, all zero but for what follows; 0: it is not known any more.</summary>
    public ulong Value { get; init; }

    /// <summary>Which 8 bytes, 0 to 511.</summary>
    public int Index { get; init; }
}
