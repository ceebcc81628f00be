namespace Replay.Recorder.Synthetic;

/// <summary>A setting of a workload, written <c>name=value</c>.</summary>
public sealed record Knob
{
    public required string Name { get; init; }

    public required KnobKind Kind { get; init; }

    public required string Default { get; init; }

    public required string Meaning { get; init; }

    /// <summary>The words a <see cref="KnobKind.Choice"/> allows.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The least a number or size may be.</summary>
    public long Min { get; init; } = 1;

    /// <summary>The most a number or size may be.</summary>
    public long Max { get; init; } = long.MaxValue;

    public static Knob Number(string name, long byDefault, string meaning, long min = 1, long max = long.MaxValue)
        => new() { Name = name, Kind = KnobKind.Number, Default = $"{byDefault}", Meaning = meaning, Min = min, Max = max };

    public static Knob Bytes(string name, string byDefault, string meaning, long min, long max)
        => new() { Name = name, Kind = KnobKind.Bytes, Default = byDefault, Meaning = meaning, Min = min, Max = max };

    public static Knob Percent(string name, int byDefault, string meaning)
        => new() { Name = name, Kind = KnobKind.Percent, Default = $"{byDefault}", Meaning = meaning, Min = 0, Max = 100 };

    public static Knob Flag(string name, bool byDefault, string meaning)
        => new() { Name = name, Kind = KnobKind.Flag, Default = byDefault ? "true" : "false", Meaning = meaning };

    public static Knob Choice(string name, string byDefault, IReadOnlyList<string> choices, string meaning)
        => new() { Name = name, Kind = KnobKind.Choice, Default = byDefault, Choices = choices, Meaning = meaning };

    /// <summary>Reads a number, size or percentage; null where the text is none within the limits.</summary>
    internal long? ParseNumber(string text)
    {
        var scale = 1L;
        if (Kind == KnobKind.Bytes && text.Length > 1)
        {
            scale = char.ToUpperInvariant(text[^1]) switch { 'K' => 1L << 10, 'M' => 1L << 20, 'G' => 1L << 30, _ => 1 };
            if (scale > 1)
                text = text[..^1];
        }
        if (!long.TryParse(text, System.Globalization.NumberStyles.None, provider: null, out var number) || number > long.MaxValue / scale)
            return null;
        number *= scale;
        return number >= Min && number <= Max ? number : null;
    }

    /// <summary>What values may be, for a message.</summary>
    internal string Expectation() => Kind switch
    {
        KnobKind.Choice => string.Join(", ", Choices),
        KnobKind.Flag => "true or false",
        KnobKind.Bytes => $"bytes from {Size(Min)} to {Size(Max)}, such as 64M",
        _ when Max == long.MaxValue => $"a number from {Min}",
        _ => $"a number from {Min} to {Max}",
    };

    private static string Size(long bytes)
        => bytes >= 1 << 30 ? $"{bytes >> 30}G" : bytes >= 1 << 20 ? $"{bytes >> 20}M" : $"{bytes >> 10}K";
}

/// <summary>How the text of a knob is read.</summary>
public enum KnobKind
{
    /// <summary>A whole number.</summary>
    Number,

    /// <summary>Bytes, with a suffix K, M or G for powers of 1024.</summary>
    Bytes,

    /// <summary>A whole number from 0 to 100.</summary>
    Percent,

    /// <summary><c>true</c> or <c>false</c>.</summary>
    Flag,

    /// <summary>One of a list of words.</summary>
    Choice,
}
