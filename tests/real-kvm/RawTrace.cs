using System.Globalization;
using System.Text.RegularExpressions;

namespace Replay.RealKvm;

/// <summary>One line of an ftrace text: who made it, which event, and what it tells.</summary>
internal sealed partial class RawEvent
{
    private Dictionary<string, string>? _fields;

    private RawEvent(string thread, string name, string text)
    {
        Thread = thread;
        Name = name;
        Text = text;
    }

    public string Thread { get; }

    public string Name { get; }

    public string Text { get; }

    /// <summary>A probe's line begins with the place of the probe: <c>(kvm_mmu_load+0x0/0x890 [kvm]) vcpu=0x...</c>.</summary>
    public bool IsProbe => Text.StartsWith('(');

    /// <summary>What a probe tells, in its order.</summary>
    public IReadOnlyDictionary<string, string> Fields => _fields ??= Field().Matches(Text).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value, StringComparer.Ordinal);

    public ulong this[string field] => Hex.Number(Fields[field]);

    public bool Has(string field) => Fields.ContainsKey(field);

    /// <summary>Reads a trace; comment lines are left out, and a line of another form is an error, as it may hold a write.</summary>
    /// <exception cref="FormatException">A line is none of ftrace's.</exception>
    public static IEnumerable<RawEvent> Read(string path)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.StartsWith('#') || line.Length == 0)
                continue;
            var match = Line().Match(line);
            if (!match.Success)
                throw new FormatException($"{path}:{number}: no line of a trace: {line}");
            yield return new RawEvent(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value);
        }
    }

    [GeneratedRegex(@"^\s*(.+?)-\d+\s+\[\d+\]\s+\S+\s+\d+: (\w+): ?(.*)$")]
    private static partial Regex Line();

    [GeneratedRegex(@"(\w+)=(0x[0-9a-f]+|-?\d+)")]
    private static partial Regex Field();
}

internal static class Hex
{
    public static ulong Parse(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    /// <summary>A number as probes print it: <c>0x2f</c>, <c>47</c> or <c>-1</c>.</summary>
    public static ulong Number(string text) => text.StartsWith("0x", StringComparison.Ordinal) ? Parse(text[2..]) : unchecked((ulong)long.Parse(text, CultureInfo.InvariantCulture));
}
