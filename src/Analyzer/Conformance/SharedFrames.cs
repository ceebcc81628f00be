using System.Text.RegularExpressions;

namespace Replay.Analyzer.Conformance;

/// <summary>
/// Frames that belong to no guest page of their own: the zero page. The recordings name a frame after a gfn that it backs, the last
/// of them where it backs several, so that the zero page appears as one of the pages that were read but never written. Here it
/// is <c>p*</c>, as a frame is that backs no gfn when the names are given.
/// </summary>
internal sealed partial class SharedFrames
{
    private const ulong PagesPerHugePage = 512;

    private readonly HashSet<ulong> _names = [];

    /// <summary>Notes a leaf: one that maps a gfn to another's frame maps a shared frame.</summary>
    /// <param name="gfn">The gfn that the leaf translates.</param>
    /// <param name="value">Its value.</param>
    /// <param name="level">Its level.</param>
    public void Note(ulong gfn, string value, int level)
    {
        if (!TryFrame(value, out var name) || name == gfn)
            return;
        for (var i = 0UL; i < (level > 1 ? PagesPerHugePage : 1); i++)
            _names.Add(name + i);
    }

    public bool IsEmpty => _names.Count == 0;

    /// <summary>A gfn that the host maps to a shared frame when the names are given.</summary>
    public void Add(ulong gfn) => _names.Add(gfn);

    /// <summary>The value with the number of a shared frame taken out.</summary>
    public string Canonical(string value) =>
        TryFrame(value, out var name)
            ? _names.Contains(name) ? $"p*{value.AsSpan(value.IndexOf(' ', StringComparison.Ordinal))}" : value
            : HostFrame().Replace(value, "p* fl=");

    private static bool TryFrame(string value, out ulong name)
    {
        var match = GuestFrame().Match(value);
        name = match.Success ? Convert.ToUInt64(match.Groups[1].Value, 16) : 0;
        return match.Success;
    }

    [GeneratedRegex("^g([0-9a-f]+) fl=")]
    private static partial Regex GuestFrame();

    [GeneratedRegex("^p[0-9a-f]+ fl=")]
    private static partial Regex HostFrame();
}
