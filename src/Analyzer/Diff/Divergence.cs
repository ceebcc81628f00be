using System.Globalization;
using System.Text.Json.Serialization;

namespace Replay.Analyzer.Diff;

/// <summary>A trace event at which the two sides did not do alike.</summary>
public sealed record Divergence
{
    /// <summary>The event, of the first side where the sides share none; null: the first side has no more records of the kind.</summary>
    public required long? Ordinal { get; init; }

    /// <summary>The second side's own event; null: it has no more records of the kind. The same as <see cref="Ordinal"/> where the sides share ordinals.</summary>
    public required long? OrdinalB { get; init; }

    /// <summary>Where it is, for people.</summary>
    [JsonIgnore]
    public string Place => Ordinal is not null && Ordinal == OrdinalB ? Event(Ordinal) : $"{Event(Ordinal)} of A, {Event(OrdinalB)} of B";

    /// <summary>The guest's access, where one of the sides has it.</summary>
    public required string Access { get; init; }

    public required SideAction A { get; init; }

    public required SideAction B { get; init; }

    /// <summary>Why, as far as it can be told from the records.</summary>
    public required string Reason { get; init; }

    private static string Event(long? ordinal) => ordinal is { } number ? string.Create(CultureInfo.InvariantCulture, $"event {number:#,0}") : "the end";
}
