namespace Replay.Analyzer.Conformance;

/// <summary>The first place where the real KVM and the model part, with what surrounds it.</summary>
/// <param name="Class"><c>writes</c>, <c>operations</c> or <c>tables</c>.</param>
/// <param name="Index">Items of the class that match before it.</param>
/// <param name="Observed">The real KVM's side; null where it did nothing more.</param>
/// <param name="Model">The model's side; null where it did nothing more.</param>
public sealed record ConformanceDivergence(string Class, int Index, DivergenceSide? Observed, DivergenceSide? Model)
{
    /// <summary>Items shown on each side of the place.</summary>
    public const int ContextLength = 10;
}

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

/// <summary>Finds and describes the first divergence.</summary>
internal sealed class DivergenceBuilder(IReadOnlyDictionary<int, IReadOnlyList<string>> chains, CaseProgram program)
{
    private const int InstructionBytes = 15;

    /// <summary>
    /// Writes and operations come from one trace, so that the earlier line is the earlier event; tables follow from both and count
    /// only where these agree.
    /// </summary>
    public ConformanceDivergence? First(params ReadOnlySpan<(ConformanceClass Class, List<ConformanceItem> Observed, List<ConformanceItem> Model)> classes)
    {
        ConformanceDivergence? first = null;
        foreach (var (one, observed, model) in classes)
        {
            if (one.Alignment.FirstDivergence is not { } place || (one.Name == "tables" && first is not null))
                continue;
            var divergence = new ConformanceDivergence(one.Name, place.Observed, Side(observed, place.Observed), Side(model, place.Model));
            if (first is null || Place(divergence) < Place(first))
                first = divergence;
        }

        return first;
    }

    private static long Place(ConformanceDivergence divergence) => divergence.Observed?.Source ?? long.MaxValue;

    private DivergenceSide? Side(List<ConformanceItem> items, int index)
    {
        if (index >= items.Count)
            return null;
        var item = items[index];
        return new DivergenceSide
        {
            Text = item.Text,
            Source = item.Source,
            Before = items[Math.Max(0, index - ConformanceDivergence.ContextLength)..index],
            After = items[(index + 1)..Math.Min(items.Count, index + 1 + ConformanceDivergence.ContextLength)],
            Chain = chains.GetValueOrDefault(item.Chain) ?? [],
            Rip = item.Rip,
            Bytes = Convert.ToHexStringLower(program.BytesAt(item.Rip, InstructionBytes)),
        };
    }
}
