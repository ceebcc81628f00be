using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.Recorder.Qemu;

/// <summary>Reads the answer of QEMU's monitor to <c>info mtree -f</c>: memory as the CPU sees it.</summary>
internal static partial class FlatView
{
    private const string SystemView = " AS \"memory\", root: system";

    /// <summary>RAM and ROM ranges of the system address space, ascending, joined where contiguous and alike.</summary>
    /// <exception cref="FormatException">The text has no such view.</exception>
    public static List<FlatRegion> Parse(string text)
    {
        var lines = text.Split('\n').Select(static line => line.TrimEnd('\r'));
        var view = lines.SkipWhile(static line => !line.StartsWith(SystemView, StringComparison.Ordinal)).ToList();
        if (view.Count == 0)
            throw new FormatException("QEMU's memory tree has no view of the address space \"memory\".");
        var regions = new List<FlatRegion>();
        foreach (var line in view.TakeWhile(static line => line.Length > 0))
        {
            if (RangePattern().Match(line) is { Success: true } match)
                Append(regions, Region(match));
        }
        return regions;
    }

    /// <summary>
    /// Reads the answer to <c>info ramblock</c>: where QEMU has each block of RAM in its own address space, by the name of its memory region. A name
    /// that several blocks have is left out.
    /// </summary>
    public static Dictionary<string, ulong> ParseBlocks(string text)
        => text.Split('\n')
            .Select(static line => BlockPattern().Match(line))
            .Where(static match => match.Success)
            .GroupBy(static match => match.Groups["name"].Value[(match.Groups["name"].Value.LastIndexOf('/') + 1)..], StringComparer.Ordinal)
            .Where(static group => group.Count() == 1)
            .ToDictionary(static group => group.Key, static group => Hex(group.First().Groups["hva"]), StringComparer.Ordinal);

    private static FlatRegion Region(Match match)
    {
        var first = Hex(match.Groups["first"]);
        return new FlatRegion(
            first,
            Hex(match.Groups["last"]) - first + 1,
            match.Groups["type"].Value != "ram",
            match.Groups["name"].Value,
            match.Groups["offset"].Success ? Hex(match.Groups["offset"]) : 0);
    }

    private static void Append(List<FlatRegion> regions, FlatRegion next)
    {
        if (regions.Count > 0 && regions[^1] is var last && last.Gpa + last.Bytes == next.Gpa && last.ReadOnly == next.ReadOnly
            && last.Name == next.Name && last.Offset + last.Bytes == next.Offset)
        {
            regions[^1] = last with { Bytes = last.Bytes + next.Bytes };
        }
        else
        {
            regions.Add(next);
        }
    }

    private static ulong Hex(Group group) => ulong.Parse(group.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^  (?<first>[0-9a-f]{16})-(?<last>[0-9a-f]{16}) \(prio -?\d+, (?<type>ram|rom|romd|ramd)\): (?<name>.*?)(?: @(?<offset>[0-9a-f]{16}))?(?: KVM)?$")]
    private static partial Regex RangePattern();

    [GeneratedRegex(@"^\s*(?<name>\S+)\s+\d+ [KMG]iB\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s+0x(?<hva>[0-9a-f]+)\s+rw\s*$")]
    private static partial Regex BlockPattern();
}
