using System.Text;
using System.Text.Json;
using Replay.Analyzer.Observed;
using Replay.Cli.Terminal;
using Replay.Recorder.Ftrace;

namespace Replay.Cli.Commands;

/// <summary>What an import found, for people and for scripts.</summary>
internal static class ImportReport
{
    public static void Write(string verb, string path, FtraceSummary trace, ObservedSummary observed, TextWriter error)
    {
        error.WriteLine(
            $"{path}: {Units.Count(trace.Lines)} lines, {Units.Count(trace.Events)} events, {Units.Count(trace.TypedEvents)} of known form; history {observed.Run.HistoryHash}");
        if (trace.LossMarkers > 0)
        {
            error.WriteLine(
                $"{verb}: the tracer lost events in {Units.Count(trace.LossMarkers)} places, {Units.Count(trace.LostEvents)} or more: see model_note, kind lost_events");
        }

        if (trace.DamagedLines + trace.UnreadableEvents > 0)
        {
            error.WriteLine(
                $"{verb}: {Units.Count(trace.DamagedLines)} damaged lines left out, {Units.Count(trace.UnreadableEvents)} events of unknown form kept as text: see model_note, kind damaged_line");
        }

        if (trace.Truncated)
            error.WriteLine($"{verb}: {path} ends in the middle of line {trace.Lines}: it was cut off. What stands before is imported.");
        var absent = observed.Capabilities.Where(capability => capability.Shown == "no").Select(capability => capability.Fact).ToList();
        if (absent.Count > 0)
            error.WriteLine($"not shown by this trace: {string.Join(", ", absent)} (view capability)");
    }

    public static void WriteJson(string run, FtraceSummary trace, ObservedSummary observed, TextWriter output)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("run", run);
            json.WriteString("historyHash", observed.Run.HistoryHash);
            json.WriteString("traceHash", observed.TraceHash);
            json.WriteNumber("lines", trace.Lines);
            json.WriteNumber("events", trace.Events);
            json.WriteNumber("typedEvents", trace.TypedEvents);
            json.WriteNumber("lostEvents", trace.LostEvents);
            json.WriteNumber("lossMarkers", trace.LossMarkers);
            json.WriteNumber("damagedLines", trace.DamagedLines);
            json.WriteNumber("unreadableEvents", trace.UnreadableEvents);
            json.WriteBoolean("truncated", trace.Truncated);
            json.WriteStartObject("host");
            foreach (var (name, value) in observed.Options)
                json.WriteString(name, value);
            json.WriteEndObject();
            json.WriteStartObject("capabilities");
            foreach (var capability in observed.Capabilities)
                json.WriteString(capability.Fact, capability.Shown);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}
