namespace Replay.Analyzer.Conformance;

/// <summary>Finds and describes the first divergence.</summary>
internal sealed class DivergenceBuilder(IReadOnlyDictionary<int, IReadOnlyList<string>> chains, GuestProgram program)
{
    private const int InstructionBytes = 15;

    /// <summary>
    /// Writes and operations come from one trace, so that the earlier line is the earlier event; tables follow from both and count
    /// only where these agree.
    /// </summary>
    public Divergence? First(params ReadOnlySpan<(ConformanceClass Class, List<ConformanceItem> Observed, List<ConformanceItem> Model)> classes)
    {
        Divergence? first = null;
        foreach (var (one, observed, model) in classes)
        {
            if (one.Alignment.FirstDivergence is not { } place || (one.Name == "tables" && first is not null))
                continue;
            var divergence = new Divergence(one.Name, place.Observed, Side(observed, place.Observed), Side(model, place.Model));
            if (first is null || Place(divergence) < Place(first))
                first = divergence;
        }

        return first;
    }

    private static long Place(Divergence divergence) => divergence.Observed?.Source ?? long.MaxValue;

    private DivergenceSide? Side(List<ConformanceItem> items, int index)
    {
        if (index >= items.Count)
            return null;
        var item = items[index];
        return new DivergenceSide
        {
            Text = item.Text,
            Source = item.Source,
            Before = items[Math.Max(0, index - Divergence.ContextLength)..index],
            After = items[(index + 1)..Math.Min(items.Count, index + 1 + Divergence.ContextLength)],
            Chain = chains.GetValueOrDefault(item.Chain) ?? [],
            Rip = item.Rip,
            Bytes = Convert.ToHexStringLower(program.BytesAt(item.Rip, InstructionBytes)),
        };
    }
}
