namespace Replay.Trace;

/// <summary>What the host had behind a guest-physical address when it was accessed: the detail of <see cref="TraceEventKind.GuestPhysicalAccess"/>.</summary>
public sealed record HostAnswer
{
    /// <summary>The level at which the host mapped it: 1 (4 KiB), 2 (2 MiB), 3 (1 GiB).</summary>
    public int Level { get; init; } = 1;

    /// <summary>The page, and those beside it that KVM could have without asking the host to bring them in.</summary>
    public List<HostPage> Pages { get; init => field = value ?? []; } = [];

    /// <summary>Guest-physical ranges that the host invalidated on the way to the answer: a copy-on-write.</summary>
    public List<HostRange>? Invalidated { get; init; }
}

/// <summary>A page of the host.</summary>
/// <param name="Gfn">The guest's frame.</param>
/// <param name="Pfn">The host's.</param>
/// <param name="Writable">The host maps it writable.</param>
public readonly record struct HostPage(ulong Gfn, ulong Pfn, bool Writable);

/// <summary>A guest-physical range.</summary>
/// <param name="Gpa">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct HostRange(ulong Gpa, ulong Length);
