using System.Runtime.InteropServices;
using Replay.Trace;

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

    /// <inheritdoc cref="GuestContext"/>
    public GuestContext Context { get; init; }

    /// <summary>Bytes behind those that are hashed.</summary>
    internal const int NotHashed = sizeof(GuestContext);
}

/// <summary>Names of exit reasons, as the views give them.</summary>
public static class ExitReasonName
{
    private static readonly string[] Known = [.. Enumerable.Range(0, 256).Select(reason => Make((ExitReason)reason))];

    public static string Of(ExitReason reason) => Known[(byte)reason];

    private static string Make(ExitReason reason) => reason switch
    {
        ExitReason.PageFault => "EXCEPTION_PF",
        _ when Enum.IsDefined(reason) => SnakeCase.Of(reason).ToUpperInvariant(),
        _ => $"reason {(byte)reason}",
    };
}

/// <summary>Why the CPU left the guest. Only reasons that concern the MMU occur.</summary>
public enum ExitReason : byte
{
    EptViolation = 1,
    EptMisconfig = 2,
    Npf = 3,

    /// <summary>#PF intercept (shadow paging).</summary>
    PageFault = 4,
    Cr0Write = 5,
    Cr3Write = 6,
    Cr4Write = 7,
    EferWrite = 8,
    Invlpg = 9,
    Invpcid = 10,
    PmlFull = 11,

    /// <summary>VMRUN, VMLAUNCH, VMRESUME: information 2 is the guest-physical address of the VMCB or VMCS.</summary>
    Vmrun = 12,
    Invlpga = 13,

    /// <summary>An exit of a nested guest that KVM hands to the guest's own hypervisor: information 1 is its code.</summary>
    NestedExit = 14,

    /// <summary>INVEPT: information 1 is its type, information 2 the EPTP.</summary>
    Invept = 15,

    /// <summary>INVVPID: information 1 is its type.</summary>
    Invvpid = 16,
}
