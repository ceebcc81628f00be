namespace Replay.Replayer.Kvm.Host;

/// <summary>How the host backs guest memory.</summary>
public sealed record HostBacking
{
    /// <summary>Populated 4 KiB pages: the default.</summary>
    public static HostBacking Pages4K { get; } = new();

    public static HostBacking Thp { get; } = new() { HugePages = true };

    /// <summary>Transparent huge pages: 2 MiB wherever slot and alignment allow.</summary>
    public bool HugePages { get; init; }

    /// <summary>All memory was touched by the host beforehand. Otherwise reads map the shared zero page and writes copy it, through the MMU notifier.</summary>
    public bool Populated { get; init; } = true;

    /// <summary>
    /// As a trace showed it (<see cref="Trace.HostAnswer"/>): frames, sizes and rights of the pages that faulted, in the mode that the
    /// trace is of. Pages that it showed nothing of are as the other properties say.
    /// </summary>
    public bool Recorded { get; init; }
}
