using System.Runtime.InteropServices;

namespace Replay.Replayer.History;

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
}
