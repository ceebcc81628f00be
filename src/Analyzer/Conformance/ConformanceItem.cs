namespace Replay.Analyzer.Conformance;

/// <summary>One thing a KVM did, real or modelled, in the common form that both sides are brought to.</summary>
/// <param name="Text">The canonical text; two items are the same when their texts are.</param>
/// <param name="Source">Where it comes from: the line of the trace, or the ordinal of the model's event.</param>
public readonly record struct ConformanceItem(string Text, long Source)
{
    public override string ToString() => Text;
}
