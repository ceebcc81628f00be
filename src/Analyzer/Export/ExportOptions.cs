namespace Replay.Analyzer.Export;

/// <summary>What is exported.</summary>
public sealed record ExportOptions
{
    /// <summary>Runs by number; empty: all complete ones.</summary>
    public IReadOnlyList<int> Runs { get; init; } = [];

    /// <summary>Views by name; empty: all but <c>event</c>, which has everything once more as text.</summary>
    public IReadOnlyList<string> Views { get; init; } = [];

    /// <summary>About how many ranges of ordinals a run is cut into.</summary>
    public int Ranges { get; init; } = 16;

    /// <summary>Leave out the hexadecimal twins of addresses.</summary>
    public bool WithoutHex { get; init; }

    /// <summary>What the files are.</summary>
    public ExportFormat Format { get; init; }

    /// <summary>Replace an earlier export.</summary>
    public bool Overwrite { get; init; }
}
