namespace Replay.Analyzer.Diff.Rows;

/// <summary>Guest frames in a row, mapped to host frames in a row.</summary>
/// <param name="Gfn">The first guest frame.</param>
/// <param name="Count">How many.</param>
/// <param name="Pfn">The first host frame.</param>
internal readonly record struct MappedFrames(ulong Gfn, ulong Count, ulong Pfn)
{
    public ulong End => Gfn + Count;

    /// <summary>The same without the frames before <paramref name="gfn"/>.</summary>
    public MappedFrames From(ulong gfn) => new(gfn, End - gfn, Pfn + (gfn - Gfn));
}
