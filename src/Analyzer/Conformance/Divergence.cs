namespace Replay.Analyzer.Conformance;

/// <summary>The first place where the real KVM and the model part, with what surrounds it.</summary>
/// <param name="Class"><c>writes</c>, <c>operations</c> or <c>tables</c>.</param>
/// <param name="Index">Items of the class that match before it.</param>
/// <param name="Observed">The real KVM's side; null where it did nothing more.</param>
/// <param name="Model">The model's side; null where it did nothing more.</param>
public sealed record Divergence(string Class, int Index, DivergenceSide? Observed, DivergenceSide? Model)
{
    /// <summary>Items shown on each side of the place.</summary>
    public const int ContextLength = 10;
}
