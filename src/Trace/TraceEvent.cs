namespace Replay.Trace;

/// <summary>
/// One event row: plain data, columns that a kind does not use hold null. Which kind fills which columns is told at
/// <see cref="TraceEventKind"/>.
/// </summary>
public readonly record struct TraceEvent
{
    /// <summary>The event's identity: its place in the recorded stream, shared with the accesses, strictly ascending.</summary>
    public required long Ordinal { get; init; }

    public required TraceEventKind Kind { get; init; }

    /// <summary>The vCPU, 0-based; 0 for events of the whole VM.</summary>
    public byte Vcpu { get; init; }

    /// <summary>For the kinds that are accesses: what the access does.</summary>
    public AccessKind? Access { get; init; }

    public AccessFlags? Flags { get; init; }

    public ulong? Gva { get; init; }

    public ulong? Gpa { get; init; }

    /// <summary>Of accesses in guest mode under nested paging: L2's guest-physical address, which L1's tables map to <see cref="Gpa"/>. Null elsewhere.</summary>
    public ulong? L2Gpa { get; init; }

    /// <summary>Bytes touched, or a descriptor table's limit.</summary>
    public uint? Size { get; init; }

    /// <summary>The value stored (zero-extended) or the operand, as the kind says.</summary>
    public ulong? Value { get; init; }

    public uint? ErrorCode { get; init; }

    /// <summary>The instruction's guest-virtual address.</summary>
    public ulong? Rip { get; init; }

    /// <summary>JSON, for the kinds that carry a document.</summary>
    public string? Detail { get; init; }

    /// <summary>Bytes, for <see cref="TraceEventKind.PageImage"/>.</summary>
    public byte[]? Data { get; init; }
}
