using System.Text.Json.Serialization;
using Replay.Analyzer.Diff.Costs;

namespace Replay.Analyzer.Diff;

/// <summary>Two runs compared.</summary>
public sealed record RunDiff
{
    public required DiffSideInfo A { get; init; }

    public required DiffSideInfo B { get; init; }

    /// <summary>Everything that was compared is the same to the last bit.</summary>
    public required bool IsSame { get; init; }

    /// <summary><c>ordinal</c>: by the guest's own events; <c>sequence</c>: by order alone, for an observed run.</summary>
    public required string AlignedBy { get; init; }

    public required long FirstOrdinal { get; init; }

    public required long LastOrdinal { get; init; }

    /// <summary>What a reader must know about the comparison.</summary>
    public required IReadOnlyList<string> Remarks { get; init; }

    public required DiffTotals Exits { get; init; }

    public required DiffTotals Faults { get; init; }

    public required DiffTotals Writes { get; init; }

    public required DiffTotals Flushes { get; init; }

    public required DiffTotals PageOperations { get; init; }

    public required DiffTotals GuestFaults { get; init; }

    /// <summary>By whose the records are: the guest's (L1) or those of a guest that it runs (L2). Empty: there is no L2.</summary>
    public required IReadOnlyList<GuestTotals> Guests { get; init; }

    public required TableTotals Tables { get; init; }

    public required WalkTotals Walks { get; init; }

    public required FrameCheck Frames { get; init; }

    public required CostComparison Cost { get; init; }

    public RunDivergence? FirstDivergence { get; init; }

    /// <summary>The events at which they part; null: not asked for, or an observed run, of which only the first is known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DivergenceList? Divergences { get; init; }

    public required IReadOnlyList<DiffRange> Ranges { get; init; }
}
