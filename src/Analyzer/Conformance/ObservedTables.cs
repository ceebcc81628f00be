namespace Replay.Analyzer.Conformance;

/// <summary>Reads the dumps of a real KVM's tables.</summary>
/// <remarks>
/// <code>
/// CKPT 1
/// root pgd=0 table=T1 cpu_role=00003704 ext=00000081 root_role=00003784
/// T1 list=active gfn=0 role=00003784 level=4 direct=1 access=7 nx=1 wp=1 tdp=0 unsync=0 ... parents=-
///   0 ->T2 fl=827
/// END 1 pages=5
/// </code>
/// </remarks>
internal static class ObservedTables
{
    public static IEnumerable<ConformanceItem> Parse(IEnumerable<string> lines, SharedFrames shared) =>
        lines.Select((text, i) => new ConformanceItem(text.StartsWith("  ", StringComparison.Ordinal) ? Entry(text, shared) : text, i + 1));

    /// <summary>A frame that backs no guest page loses its number, which differs from host to host.</summary>
    private static string Entry(string text, SharedFrames shared)
    {
        var value = text.IndexOf(' ', 2) + 1;
        return $"{text.AsSpan(0, value)}{shared.Canonical(text[value..])}";
    }
}
