using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Analyzer.Store;

/// <summary>What is known of a run before it starts: the capture, the mode, the host, the tool.</summary>
public sealed record RunInfo
{
    /// <summary>The capture as the user named it.</summary>
    public required string Capture { get; init; }

    /// <summary>SHA-256 of the capture's manifest, hexadecimal.</summary>
    public required string CaptureHash { get; init; }

    /// <summary><see cref="CaptureManifest.Source"/>.</summary>
    public required string CaptureSource { get; init; }

    public bool CaptureComplete { get; init; } = true;

    public FilterRule? CaptureFilter { get; init; }

    /// <summary><see cref="CaptureManifest.Blind"/>.</summary>
    public IReadOnlyList<string> CaptureBlind { get; init; } = [];

    public required MmuMode Mode { get; init; }

    /// <summary>Name of the run in the database; null: the mode's name, with a number behind it where it is taken.</summary>
    public string? Name { get; init; }

    /// <summary>Name of the host profile.</summary>
    public required string Profile { get; init; }

    /// <summary><c>4k</c> or <c>thp</c>, with <c>-lazy</c> where the host had not populated the memory.</summary>
    public required string Backing { get; init; }

    /// <summary>Kernel whose KVM is modelled.</summary>
    public required string Kernel { get; init; }

    public required string Tool { get; init; }

    public required string Model { get; init; }

    /// <summary>Further options of the replay, sorted by name.</summary>
    public SortedDictionary<string, string> Options { get; init; } = new(StringComparer.Ordinal);

    /// <summary>How entries are told apart; null: as hosts without memory encryption do in this mode.</summary>
    public EntryClassifier? Entries { get; init; }
}

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
            new("verify_checked", result.Verify.Checked, "accesses whose translation was compared with the recorded gpa"),
            new("verify_differing", result.Verify.Differing, "of them, those that differ"),
            new("walks", result.Walks.Sum(walk => walk.Walks), "page walks of accesses that miss a TLB of fixed size: the sum of walk_summary"),
            new("walk_references", result.WalkReferences, "table entries that these walks read, the guest's and KVM's"),
            .. result.Stats.All().Select(counter => new Counter(counter.Name, counter.Value, "KVM's debugfs counter of this name")),
        ],
    };
}
