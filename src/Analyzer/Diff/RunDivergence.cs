using System.Globalization;
using System.Text.Json.Serialization;

namespace Replay.Analyzer.Diff;

/// <summary>A trace event at which the two sides did not do alike.</summary>
public sealed record RunDivergence
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

/// <summary>Reads what both sides did at one trace event, and says why it is not alike.</summary>
internal static class DivergenceReader
{
    private const int WritesShown = 12;
    private const int EventsAtOnce = 256;

    public static RunDivergence At(DiffSide a, DiffSide b, long ordinal) => At(a, b, [ordinal]).Single();

    public static IEnumerable<RunDivergence> At(DiffSide a, DiffSide b, IEnumerable<long> ordinals)
    {
        foreach (var batch in ordinals.Chunk(EventsAtOnce))
        {
            foreach (var (left, right) in EventRecords.Read(a, batch).Zip(EventRecords.Read(b, batch)))
                yield return Of(left, right);
        }
    }

    private static RunDivergence Of(EventRecords left, EventRecords right) => new()
    {
        Ordinal = left.Ordinal,
        OrdinalB = right.Ordinal,
        Access = left.Access ?? right.Access ?? Without(left, right),
        A = Describe(left),
        B = Describe(right),
        Reason = DivergenceReason.Of(left, right),
    };

    /// <summary>Where sides that share no ordinals first part. Behind the end of a side there is nothing.</summary>
    public static RunDivergence Between(DiffSide a, long? ordinalA, DiffSide b, long? ordinalB)
    {
        var (left, right) = (EventRecords.Read(a, ordinalA ?? long.MaxValue), EventRecords.Read(b, ordinalB ?? long.MaxValue));
        return new RunDivergence
        {
            Ordinal = ordinalA,
            OrdinalB = ordinalB,
            Access = left.Access ?? right.Access ?? "no access is known",
            A = Describe(left),
            B = Describe(right),
            Reason = ordinalA is null ? $"{a.Run.Name} has no more records of this kind."
                : ordinalB is null ? $"{b.Run.Name} has no more records of this kind."
                : "In order, these are the first records that are not alike.",
        };
    }

    /// <summary>Instructions and host events are no accesses.</summary>
    private static string Without(EventRecords left, EventRecords right) =>
        left.Exits.Concat(right.Exits).FirstOrDefault(exit => !exit.IsFault) is { } exit ? $"the guest's instruction behind {exit.Reason}" : "no access of the guest";

    private static SideAction Describe(EventRecords records) => new()
    {
        Exits = [.. records.Exits.Select(exit => $"{exit.Reason} info1 {exit.Info1} info2 {exit.Info2}")],
        Faults = [.. records.Faults.Select(fault => $"{fault.Access} of {fault.Address}, error code {fault.ErrorCode}: {fault.Outcome}{Level(fault.MappedLevel)}, {Plural(fault.Writes, "write")}")],
        Writes = [.. records.Writes.Take(WritesShown).Select(Write)],
        WriteCount = records.Writes.Count,
        Flushes = [.. records.Flushes.Select(flush => $"{flush.Kind} by {flush.Function}")],
        Chain = records.Writes.Select(write => write.Chain).Concat(records.Flushes.Select(flush => flush.Chain)).FirstOrDefault(chain => chain is not null),
    };

    private static string Write(WriteRecord write) =>
        $"{Names.Level(write.Level)}[{write.Index}] gfn {write.Gfn}: {write.Old} -> {write.New} {write.NewRights} {write.NewKind}, by {(write.Actor == "kvm" ? write.Function : "the CPU")}";

    private static string Level(int level) => level switch
    {
        0 => "",
        1 => " at 4 KiB",
        2 => " at 2 MiB",
        3 => " at 1 GiB",
        _ => $" at level {level}",
    };

    private static string Plural(long count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";
}

/// <summary>What one side did at one trace event.</summary>
public sealed record SideAction
{
    /// <summary>A line for each exit.</summary>
    public required IReadOnlyList<string> Exits { get; init; }

    /// <summary>A line for each fault that KVM handled.</summary>
    public required IReadOnlyList<string> Faults { get; init; }

    /// <summary>A line for each table write, up to a limit.</summary>
    public required IReadOnlyList<string> Writes { get; init; }

    /// <summary>All table writes.</summary>
    public required int WriteCount { get; init; }

    /// <summary>A line for each flush.</summary>
    public required IReadOnlyList<string> Flushes { get; init; }

    /// <summary>The functions on the way to the first write, or to the first flush.</summary>
    public string? Chain { get; init; }
}
