using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>QEMU's own log of interrupts and exceptions (<c>-d int</c>), independent of plugins.</summary>
internal static partial class InterruptLog
{
    public readonly record struct Line(uint Vector, uint ErrorCode, bool Software, ulong Rip, ulong? Cr2);

    public static IEnumerable<Line> Read(string path)
    {
        foreach (var text in File.ReadLines(path))
        {
            if (Pattern().Match(text) is { Success: true } match)
            {
                yield return new Line(
                    (uint)Hex(match.Groups["v"]),
                    (uint)Hex(match.Groups["e"]),
                    match.Groups["i"].Value == "1",
                    Hex(match.Groups["ip"]),
                    match.Groups["cr2"].Success ? Hex(match.Groups["cr2"]) : null);
            }
        }
    }

    private static ulong Hex(Group group) => ulong.Parse(group.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^ *\d+: v=(?<v>[0-9a-f]+) e=(?<e>[0-9a-f]+) i=(?<i>\d) cpl=\d IP=[0-9a-f]+:(?<ip>[0-9a-f]+) pc=[0-9a-f]+ SP=[0-9a-f]+:[0-9a-f]+(?: CR2=(?<cr2>[0-9a-f]+))?")]
    private static partial Regex Pattern();
}
