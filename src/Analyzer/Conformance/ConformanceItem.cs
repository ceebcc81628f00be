namespace Replay.Analyzer.Conformance;

/// <summary>One thing a KVM did, real or modelled, in the common form that both sides are brought to.</summary>
/// <param name="Text">The canonical text; two items are the same when their texts are.</param>
/// <param name="Source">Where it comes from: the line of the trace, or the ordinal of the model's event.</param>
public readonly record struct ConformanceItem(string Text, long Source)
{
    /// <summary>The model's call chain, see <see cref="ConformanceSequences.Chains"/>; 0 where there is none.</summary>
    public int Chain { get; init; }

    /// <summary>The model's guest instruction; 0 where the capture has none.</summary>
    public ulong Rip { get; init; }

    public override string ToString() => Text;
}
