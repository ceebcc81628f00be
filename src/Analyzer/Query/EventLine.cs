namespace Replay.Analyzer.Query;

/// <summary>One line of a run's history: a row of the view <c>event</c>.</summary>
/// <param name="Ordinal">The trace event.</param>
/// <param name="Seq">Place in the run's history; null: the access that began it.</param>
/// <param name="Kind">What happened, such as <c>write</c>.</param>
/// <param name="Vcpu">On whose behalf; null: not known.</param>
/// <param name="TableId">The table concerned, if one is.</param>
/// <param name="Gfn">The guest frame concerned, if one is.</param>
/// <param name="Text">What happened, in words.</param>
public sealed record EventLine(long Ordinal, long? Seq, string Kind, int? Vcpu, long? TableId, long? Gfn, string Text)
{
    /// <summary>The line as <c>replay events</c> prints it.</summary>
    public override string ToString() => $"{Ordinal,12} {Seq?.ToString() ?? "",9}  {Kind,-11} {Text}";
}
