using System.Collections.Frozen;
using System.Text.Json;

namespace Replay.Trace;

/// <summary>The snake_case names of event kinds (<c>page_table_store</c>), as captures, databases and the command line write them.</summary>
public static class TraceEventKindName
{
    private static readonly FrozenDictionary<TraceEventKind, string> Names =
        Enum.GetValues<TraceEventKind>().ToFrozenDictionary(kind => kind, kind => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString()));

    private static readonly FrozenDictionary<string, TraceEventKind> Kinds =
        Names.ToFrozenDictionary(pair => pair.Value, pair => pair.Key, StringComparer.Ordinal);

    /// <exception cref="ArgumentOutOfRangeException">Not a kind of this format version.</exception>
    public static string Of(TraceEventKind kind) =>
        Names.TryGetValue(kind, out var name) ? name : throw new ArgumentOutOfRangeException(nameof(kind), kind, "Not an event kind.");

    public static bool TryParse(string name, out TraceEventKind kind) => Kinds.TryGetValue(name, out kind);
}
