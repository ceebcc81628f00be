using System.Text.Encodings.Web;
using System.Text.Json;

namespace Replay.Analyzer.Diff;

/// <summary>A comparison as JSON: the properties of <see cref="RunDiff"/> in camel case.</summary>
public static class DiffJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Text(RunDiff diff) => JsonSerializer.Serialize(diff, Options);
}
