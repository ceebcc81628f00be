using System.Text.Json;

namespace Replay.Analyzer.Diff.Costs;

/// <summary>What things cost: <c>schemas/costs</c> describes the file.</summary>
public sealed record CostTable
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <summary>The table that comes with the tool.</summary>
    public static CostTable Default { get; } = ReadDefault();

    public required string Name { get; init; }

    public required string Unit { get; init; }

    public required PageWalkCosts PageWalk { get; init; }

    /// <summary>By exit reason, with <c>default</c>.</summary>
    public required IReadOnlyDictionary<string, CostEntry> Exit { get; init; }

    /// <summary>By outcome, with <c>default</c>.</summary>
    public required IReadOnlyDictionary<string, CostEntry> Fault { get; init; }

    public required CostEntry TableWrite { get; init; }

    /// <summary>By kind, with <c>default</c>.</summary>
    public required IReadOnlyDictionary<string, CostEntry> Flush { get; init; }

    /// <summary>Reads a table of the user.</summary>
    /// <exception cref="DiffException">It is no cost table.</exception>
    public static CostTable Read(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<CostTable>(stream, Json) is { } table ? table : throw new JsonException("it is empty");
        }
        catch (JsonException exception)
        {
            throw new DiffException($"{path}: is no cost table: {exception.Message.ReplaceLineEndings(" ").TrimEnd('.')}. Start from a copy of schemas/costs/default.json.", exception);
        }
    }

    internal static double Of(IReadOnlyDictionary<string, CostEntry> costs, string name) =>
        (costs.GetValueOrDefault(name) ?? costs.GetValueOrDefault("default"))?.Value ?? 0;

    private static CostTable ReadDefault()
    {
        using var stream = typeof(CostTable).Assembly.GetManifestResourceStream("costs/default.json")!;
        return JsonSerializer.Deserialize<CostTable>(stream, Json)!;
    }
}

/// <summary>What one thing costs.</summary>
/// <param name="Value">In the table's unit.</param>
/// <param name="Source">Where the number comes from.</param>
public sealed record CostEntry(double Value, string Source = "");

/// <summary>What page walks cost.</summary>
/// <param name="CyclesPerReference">A reference that reaches the memory hierarchy, in the table's unit.</param>
/// <param name="ShareOneDimensional">Which share of the references of a walk over shadow tables does.</param>
/// <param name="ShareTwoDimensional">The same of a walk over guest tables and EPT or NPT.</param>
public sealed record PageWalkCosts(CostEntry CyclesPerReference, CostEntry ShareOneDimensional, CostEntry ShareTwoDimensional);
