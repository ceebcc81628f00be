using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

/// <summary>One VM exit.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct VmExitRecord
{
    public long Seq { get; init; }

    public long Ordinal { get; init; }

    /// <summary>Exit qualification (Intel) or EXITINFO1 (AMD).</summary>
    public ulong Info1 { get; init; }

    /// <summary>Guest-physical address (Intel, EPT) or EXITINFO2 (AMD); the linear address for a #PF intercept and INVLPG; the value for a CR write.</summary>
    public ulong Info2 { get; init; }

    /// <summary>Guest RIP, where the capture has it; otherwise 0.</summary>
    public ulong Rip { get; init; }

    public int ExitId { get; init; }

    public ExitReason Reason { get; init; }

    public byte Vcpu { get; init; }
}
