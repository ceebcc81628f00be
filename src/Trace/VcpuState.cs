namespace Replay.Trace;

/// <summary>What the CPU's registers held where a recording starts: the detail of <see cref="TraceEventKind.VcpuState"/>.</summary>
public sealed record VcpuState
{
    public ulong Cr0 { get; init; }

    public ulong Cr2 { get; init; }

    public ulong Cr3 { get; init; }

    public ulong Cr4 { get; init; }

    public ulong Efer { get; init; }

    public ulong Rip { get; init; }

    public ulong Rflags { get; init; }

    /// <summary>Current privilege level, 0 to 3.</summary>
    public int Cpl { get; init; }

    /// <summary>PKRU, where the CPU has protection keys.</summary>
    public uint? Pkru { get; init; }
}
