using System.Text.Json;
using System.Text.Json.Serialization;

namespace Replay.Trace;

/// <summary>
/// One event row: plain data, columns that a kind does not use hold null. Which kind fills which columns is told at
/// <see cref="TraceEventKind"/>.
/// </summary>
public readonly record struct TraceEvent
{
    /// <summary>The event's identity: its place in the recorded stream, shared with the accesses, strictly ascending.</summary>
    public required long Ordinal { get; init; }

    public required TraceEventKind Kind { get; init; }

    /// <summary>The vCPU, 0-based; 0 for events of the whole VM.</summary>
    public byte Vcpu { get; init; }

    /// <summary>For the kinds that are accesses: what the access does.</summary>
    public AccessKind? Access { get; init; }

    public AccessFlags? Flags { get; init; }

    public ulong? Gva { get; init; }

    public ulong? Gpa { get; init; }

    /// <summary>Of accesses in guest mode under nested paging: L2's guest-physical address, which L1's tables map to <see cref="Gpa"/>. Null elsewhere.</summary>
    public ulong? L2Gpa { get; init; }

    /// <summary>Bytes touched, or a descriptor table's limit.</summary>
    public uint? Size { get; init; }

    /// <summary>The value stored (zero-extended) or the operand, as the kind says.</summary>
    public ulong? Value { get; init; }

    public uint? ErrorCode { get; init; }

    /// <summary>The instruction's guest-virtual address.</summary>
    public ulong? Rip { get; init; }

    /// <summary>JSON, for the kinds that carry a document.</summary>
    public string? Detail { get; init; }

    /// <summary>Bytes, for <see cref="TraceEventKind.PageImage"/>.</summary>
    public byte[]? Data { get; init; }
}

/// <summary>The documents in <see cref="TraceEvent.Detail"/>: JSON with camelCase names, nulls left out. Recorders write and replayers read them here.</summary>
public static class EventDetail
{
    public static string Write(VcpuState state) => JsonSerializer.Serialize(state, EventDetailJson.Default.VcpuState);

    public static string Write(MemslotChange change) => JsonSerializer.Serialize(change, EventDetailJson.Default.MemslotChange);

    public static string Write(NestedEntry entry) => JsonSerializer.Serialize(entry, EventDetailJson.Default.NestedEntry);

    public static string Write(NestedExit exit) => JsonSerializer.Serialize(exit, EventDetailJson.Default.NestedExit);

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static NestedEntry ReadNestedEntry(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.NestedEntry));

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static NestedExit ReadNestedExit(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.NestedExit));

    public static string Write(HostAnswer answer) => JsonSerializer.Serialize(answer, EventDetailJson.Default.HostAnswer);

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static HostAnswer ReadHostAnswer(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.HostAnswer));

    public static string Write(EarlierMappings mappings) => JsonSerializer.Serialize(mappings, EventDetailJson.Default.EarlierMappings);

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static EarlierMappings ReadEarlierMappings(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.EarlierMappings));

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static VcpuState ReadVcpuState(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.VcpuState));

    /// <exception cref="CaptureFormatException">The event carries no such document.</exception>
    public static MemslotChange ReadMemslotChange(in TraceEvent row)
        => Read(row, static detail => JsonSerializer.Deserialize(detail, EventDetailJson.Default.MemslotChange));

    private static T Read<T>(in TraceEvent row, Func<string, T?> parse)
        where T : class
    {
        try
        {
            if (row.Detail is { } detail && parse(detail) is { } document)
                return document;
        }
        catch (JsonException error)
        {
            throw new CaptureFormatException($"Event {row.Ordinal} ({row.Kind}): its detail is not the JSON it should be. Record the capture again.", error);
        }
        throw new CaptureFormatException($"Event {row.Ordinal} ({row.Kind}) has no detail. Record the capture again.");
    }
}

[JsonSerializable(typeof(VcpuState))]
[JsonSerializable(typeof(MemslotChange))]
[JsonSerializable(typeof(HostAnswer))]
[JsonSerializable(typeof(EarlierMappings))]
[JsonSerializable(typeof(NestedEntry))]
[JsonSerializable(typeof(NestedExit))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class EventDetailJson : JsonSerializerContext;
