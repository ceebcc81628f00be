using System.Text.Json;

namespace Replay.Trace;

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
