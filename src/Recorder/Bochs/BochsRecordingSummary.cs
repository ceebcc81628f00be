using Replay.Trace;

namespace Replay.Recorder.Bochs;

/// <summary>What a recording came to.</summary>
public sealed record BochsRecordingSummary
{
    /// <summary>One of <see cref="BochsEndReason"/>.</summary>
    public required string EndReason { get; init; }

    /// <summary>What the guest wrote to the port that ends it.</summary>
    public int? ExitCode { get; init; }

    /// <summary>The last error that Bochs told; empty where it told none.</summary>
    public required string LastMessage { get; init; }

    public required TimeSpan Elapsed { get; init; }

    public required TimeSpan BochsProcessorTime { get; init; }

    /// <summary>Accesses the guest made.</summary>
    public required long AccessesSeen { get; init; }

    public required long AccessesRecorded { get; init; }

    public required long EventsRecorded { get; init; }

    /// <summary>What becomes part of <see cref="Trace.CaptureManifest.Origin"/>.</summary>
    public required IReadOnlyDictionary<string, string> Origin { get; init; }

    /// <summary>What the recording could not see.</summary>
    public required IReadOnlyList<string> Blind { get; init; }

    /// <summary>What a capture's manifest says when the recording has ended.</summary>
    public CaptureManifest Amend(CaptureManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        var origin = new SortedDictionary<string, string>(manifest.Origin, StringComparer.Ordinal);
        foreach (var (key, value) in Origin.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
            origin[key] = value;
        return manifest with { Origin = origin, Blind = [.. Blind], AccessesSeen = AccessesSeen, EndReason = EndReason };
    }
}

/// <summary>Why a recording ended, as the manifest says it.</summary>
public static class BochsEndReason
{
    /// <summary>The guest wrote to the port that ends it, or halted without interrupts.</summary>
    public const string GuestExit = "guest-exit";

    /// <summary>The user interrupted the recording.</summary>
    public const string Interrupted = "interrupted";

    public const string MaxAccesses = "max-accesses";

    /// <summary>The guest ended before it came to the instruction at which to start: the capture is empty.</summary>
    public const string StartAtNotReached = "start-at-not-reached";

    /// <summary>Bochs ended: the guest shut down, or Bochs could not go on.</summary>
    public const string BochsExit = "bochs-exit";
}
