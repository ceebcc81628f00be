using System.Runtime.InteropServices;
using Replay.Trace;

namespace Replay.Replayer.History;

/// <summary>An access of the guest that left records in the history: it exited, faulted, or made the CPU set bits in a table.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct AccessRecord
{
    public long Ordinal { get; init; }

    public ulong Gva { get; init; }

    /// <summary>The guest-physical address as the capture has it.</summary>
    public ulong Gpa { get; init; }

    public ulong Rip { get; init; }

    /// <summary>What was stored, where <see cref="HasValue"/> is 1.</summary>
    public ulong Value { get; init; }

    /// <summary>1: the capture has the value of this store.</summary>
    public byte HasValue { get; init; }

    /// <summary>1: the capture has <see cref="Gpa"/>.</summary>
    public byte HasGpa { get; init; }

    /// <summary>Bytes touched.</summary>
    public byte Size { get; init; }

    public AccessKind Kind { get; init; }

    public AccessFlags Flags { get; init; }

    public byte Vcpu { get; init; }

    /// <inheritdoc cref="GuestContext"/>
    public GuestContext Context { get; init; }
}
