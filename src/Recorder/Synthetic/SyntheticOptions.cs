using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>What <c>record synthetic</c> shall make. The same options give the same stream everywhere.</summary>
public sealed record SyntheticOptions
{
    public required string Workload { get; init; }

    public ulong Seed { get; init; } = 1;

    /// <summary>Knobs that differ from the workload's defaults, by name.</summary>
    public IReadOnlyDictionary<string, string> Knobs { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Record through a page filter; null records every access.</summary>
    public FilterRule? Filter { get; init; }

    /// <summary>
    /// Host events happen at ordinals that are multiples of this, the guest idling until then; 0 lets them happen at once. Null: the
    /// filter's epoch length, or 0 without a filter. A full recording comparable to a filtered one states the same number.
    /// </summary>
    public long? HostEventAlignment { get; init; }

    /// <summary>End after this many accesses, even if the workload has not come to its end.</summary>
    public long? MaxAccesses { get; init; }
}
