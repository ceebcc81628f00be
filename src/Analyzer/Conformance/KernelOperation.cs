namespace Replay.Analyzer.Conformance;

/// <summary>One thing that KVM did, in words that a real kernel's trace and the model's history share. Host frames have names: <c>g100</c> backs gfn 0x100, <c>S5</c> is the fifth table made.</summary>
/// <param name="Kind">What it counts as.</param>
/// <param name="Text">The whole of it; equal texts are equal operations.</param>
/// <param name="Place">Line of the trace, or place in the model's history.</param>
public readonly record struct KernelOperation(OperationKind Kind, string Text, long Place)
{
    public override string ToString() => Text;
}
