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
    };
}
