namespace Replay.Analyzer.Conformance;

/// <summary>One side of a divergence.</summary>
public sealed record DivergenceSide
{
    public required string Text { get; init; }

    /// <summary>Line of the trace or of the tables; the ordinal of the model's event.</summary>
    public required long Source { get; init; }

    public required IReadOnlyList<ConformanceItem> Before { get; init; }

    public required IReadOnlyList<ConformanceItem> After { get; init; }

    /// <summary>The model's reason: the functions of KVM on the way to the step, outermost first.</summary>
    public IReadOnlyList<string> Chain { get; init; } = [];

    /// <summary>The guest's instruction; 0 where it is not known.</summary>
    public ulong Rip { get; init; }

    /// <summary>The instruction's bytes as the program was loaded, and some more; empty where it is not part of the program.</summary>
    public string Bytes { get; init; } = "";
}
