using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>A TLB flush that KVM asked for.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct TlbFlushRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>First gfn of a range flush, or the address of a flush by address; otherwise 0.</summary>
    public ulong Start { get; init; }

    /// <summary>4 KiB pages of a range flush; otherwise 0.</summary>
    public ulong Pages { get; init; }

    public int FaultId { get; init; }

    public int ExitId { get; init; }

    public int ChainId { get; init; }

    public KvmFunction Function { get; init; }

    public FlushKind Kind { get; init; }

    /// <summary>The vCPU whose thread asked, or that flushes.</summary>
    public byte Vcpu { get; init; }

    /// <summary>Who asked for it first: a vCPU's number; below 0: the host. Not in the hash.</summary>
    public short Requester { get; init; }

    /// <summary>vCPUs that must flush: all there are, or 1. 0: not known. Not in the hash.</summary>
    public ushort Targets { get; init; }

    /// <summary>What the vCPU ran; <see cref="GuestContext.Unknown"/> where the host asked. Not in the hash.</summary>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(short) + sizeof(ushort) + sizeof(GuestContext);
}

/// <summary>Which translations a TLB flush drops.</summary>
public enum FlushKind : byte
{
    /// <summary>All vCPUs: kvm_flush_remote_tlbs.</summary>
    Remote = 1,

    /// <summary>All vCPUs, a range of gfns: kvm_flush_remote_tlbs_with_address.</summary>
    RemoteRange = 2,

    /// <summary>This vCPU, the current root's translations.</summary>
    Current = 3,

    /// <summary>This vCPU, everything of the guest.</summary>
    Guest = 4,

    /// <summary>This vCPU, one address.</summary>
    Gva = 5,

    /// <summary>This vCPU, all contexts.</summary>
    All = 6,
}
