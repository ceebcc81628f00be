using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Replayer.History;

/// <summary>One page fault handled by KVM, reported when it ends.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct FaultRecord
{
    /// <summary>Place of the fault's start; the writes it caused follow with larger numbers.</summary>
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>The address KVM handles: guest-physical with two-dimensional paging or guest paging off, otherwise guest-virtual.</summary>
    public ulong Address { get; init; }

    /// <summary>The guest-virtual address of the access.</summary>
    public ulong Gva { get; init; }

    /// <summary>KVM's own error code (PFERR bits), after decoding the exit.</summary>
    public ulong ErrorCode { get; init; }

    public ulong Rip { get; init; }

    public int FaultId { get; init; }

    public int ExitId { get; init; }

    /// <summary>Table writes made while it was handled.</summary>
    public int Writes { get; init; }

    /// <summary>The handler, such as kvm_tdp_page_fault.</summary>
    public KvmFunction Handler { get; init; }

    public RetPf Outcome { get; init; }

    /// <summary>Level at which KVM mapped the page, 0 where it mapped none.</summary>
    public byte MappedLevel { get; init; }

    public AccessKind Access { get; init; }

    public byte Vcpu { get; init; }

    /// <inheritdoc cref="GuestContext"/>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);

    /// <summary>The record of the fault when it has ended, without <see cref="Rip"/>.</summary>
    /// <remarks>Field by field: as a whole it could not be loaded before what was stored in it just now has reached memory.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal FaultRecord Closed(RetPf outcome, byte mappedLevel, int writes) => new()
    {
        Seq = Seq,
        Ordinal = Ordinal,
        Address = Address,
        Gva = Gva,
        ErrorCode = ErrorCode,
        FaultId = FaultId,
        ExitId = ExitId,
        Writes = writes,
        Handler = Handler,
        Outcome = outcome,
        MappedLevel = mappedLevel,
        Access = Access,
        Vcpu = Vcpu,
        Context = Context,
    };
}

/// <summary>
/// KVM tried to resolve a fault without its lock. Where it did, a write of the history says the same; where it did not, this is all
/// there is. It changes nothing and stays out of the history hash.
/// </summary>
/// <remarks>KVM: the tracepoint fast_page_fault.</remarks>
public readonly record struct FastFaultRecord
{
    /// <summary>Place of the record before it.</summary>
    public required long Seq { get; init; }

    public required long Ordinal { get; init; }

    /// <summary>The entry that the walk ended at.</summary>
    public required int TableId { get; init; }

    public required int Level { get; init; }

    public required int Index { get; init; }

    public required ulong Old { get; init; }

    public required ulong New { get; init; }

    /// <summary>Fixed, Spurious, or Invalid: the slow path goes on.</summary>
    public required RetPf Outcome { get; init; }

    public required int ChainId { get; init; }
}

/// <summary>A #PF that reached the guest.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct GuestFaultRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>CR2.</summary>
    public ulong Gva { get; init; }

    public ulong Rip { get; init; }

    /// <summary>Exit that KVM injected it from, or -1: the CPU delivered it without an exit.</summary>
    public int ExitId { get; init; }

    public uint ErrorCode { get; init; }

    public byte Vcpu { get; init; }

    /// <summary>1: the capture saw this fault as well.</summary>
    public byte Recorded { get; init; }

    /// <inheritdoc cref="GuestContext"/>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);
}

/// <summary>How a page fault ended in KVM. The numbers are this model's; a kernel's own are <see cref="Kvm.KvmBehaviour.Number"/>.</summary>
/// <remarks>KVM: the RET_PF_* enumeration of mmu_internal.h.</remarks>
public enum RetPf : byte
{
    /// <summary>So far nothing decided: go on.</summary>
    Continue = 0,

    /// <summary>Let the CPU fault again.</summary>
    Retry = 1,

    /// <summary>Emulate the instruction.</summary>
    Emulate = 2,

    /// <summary>The entry is stale: take the slow path.</summary>
    Invalid = 3,

    /// <summary>The faulting entry was fixed.</summary>
    Fixed = 4,

    /// <summary>The faulting entry was already right.</summary>
    Spurious = 5,

    /// <summary>The page stays write-protected, and the guest writes it: unprotect it or emulate. Linux 6.12.</summary>
    WriteProtected = 6,

    /// <summary>Not a RET_PF value: the fault was handed to the guest.</summary>
    GuestFault = 16,

    /// <summary>Not a RET_PF value: KVM_RUN returned an error to userspace. Only a trace shows it.</summary>
    Failed = 17,
}
