using Replay.Replayer.Guest;
using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>One access as the capture has it.</summary>
public readonly record struct CpuAccess
{
    public required ulong Gva { get; init; }

    public required AccessKind Kind { get; init; }

    public AccessFlags Flags { get; init; }

    /// <summary>The guest-physical address that the source saw; null where it could not see it.</summary>
    public ulong? Gpa { get; init; }

    /// <summary>Of a nested guest under its hypervisor's page tables: its own guest-physical address, where <see cref="Gpa"/> is the hypervisor's.</summary>
    public ulong? L2Gpa { get; init; }

    /// <summary>Bytes touched.</summary>
    public byte Size { get; init; }

    /// <summary>What is stored, where the capture has it.</summary>
    public ulong? Value { get; init; }

    internal GuestAccess Guest => new(Gva, Kind, Flags);
}
