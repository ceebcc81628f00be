using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>What is known of a run when it has reached the end.</summary>
public sealed record RunSummary
{
    /// <summary><see cref="Replayer.History.HistoryHash"/> as text.</summary>
    public required string HistoryHash { get; init; }

    public long FirstOrdinal { get; init; }

    public long LastOrdinal { get; init; }

    /// <summary>Accesses replayed.</summary>
    public long Accesses { get; init; }

    /// <summary>Events replayed.</summary>
    public long Events { get; init; }

    /// <summary>How often each note occurred, by the number of <see cref="Replayer.History.ModelNote"/>: <see cref="Replayer.History.Journal.NoteCounts"/>.</summary>
    public IReadOnlyList<long> NoteCounts { get; init; } = [];

    /// <summary>The first of each note, by its number: <see cref="ReplayResult.FirstNotes"/>.</summary>
    public IReadOnlyList<ModelNoteRecord> FirstNotes { get; init; } = [];

    /// <summary>Page walks by stretch of the trace: <see cref="ReplayResult.Walks"/>.</summary>
    public IReadOnlyList<WalkCount> Walks { get; init; } = [];

    /// <summary>Counters that only the model can keep, besides those that follow from the records.</summary>
    public IReadOnlyList<Counter> Counters { get; init; } = [];

    /// <summary>What a finished replay says of itself.</summary>
    public static RunSummary Of(ReplayResult result) => new()
    {
        HistoryHash = result.HistoryHash,
        FirstOrdinal = result.FirstOrdinal,
        LastOrdinal = result.LastOrdinal,
        Accesses = result.Accesses,
        Events = result.Events,
        NoteCounts = result.NoteCounts,
        FirstNotes = result.FirstNotes,
        Walks = result.Walks,
        Counters =
        [
            .. result.Stats.All().Select(counter => new Counter(counter.Name, counter.Value, "kept by the model where KVM keeps it")),
            new Counter("walks", result.Walks.Sum(walk => walk.Walks), "page walks of accesses that miss a TLB of fixed size: the sum of walk_summary"),
            new Counter("walk_references", result.WalkReferences, "table entries that these walks read, the guest's and KVM's"),
            new("translations_checked", result.Verify.Checked, "accesses whose translation was compared with the one the capture has"),
            new("translations_differing", result.Verify.Differing, "of these, those that differ"),
        ],
    };
}
