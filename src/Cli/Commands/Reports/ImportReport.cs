using System.Text;
using System.Text.Json;
using Replay.Analyzer.Observed;
using Replay.Cli.Terminal;
using Replay.Recorder.Ftrace;

namespace Replay.Cli.Commands;

/// <summary>What an import found, for people and for scripts.</summary>
internal static class ImportReport
{
    public static void Write(string verb, string path, FtraceSummary trace, IReadOnlyList<(string Name, ObservedSummary Observed)> runs, TextWriter summary, TextWriter error)
    {
        summary.WriteLine(
            $"{path}: {Units.Count(trace.Lines)} lines, {Units.Count(trace.Events)} events, {Units.Count(trace.TypedEvents)} of known form"
            + (trace.StackTraces > 0 ? $", {Units.Count(trace.StackTraces)} with a stack trace" : "")
            + (runs.Count == 1 ? $"; history {runs[0].Observed.Run.HistoryHash}" : ""));
        foreach (var (name, observed) in runs.Count > 1 ? runs : [])
            summary.WriteLine($"run {name}: {Units.Count(observed.Run.Events)} events; history {observed.Run.HistoryHash}");
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
        var absent = runs[0].Observed.Capabilities.Where(capability => capability.Shown == "no").Select(capability => capability.Fact).ToList();
        if (absent.Count > 0)
            summary.WriteLine($"not shown by this trace: {string.Join(", ", absent)} (view capability)");
    }

    public static void WriteJson(FtraceSummary trace, IReadOnlyList<(string Name, ObservedSummary Observed)> runs, TextWriter output)
    {
        var (run, observed) = runs[0];
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("run", run);
            json.WriteString("historyHash", observed.Run.HistoryHash);
            json.WriteString("traceHash", observed.TraceHash);
            if (runs.Count > 1)
            {
                json.WriteStartObject("runs");
                foreach (var (name, other) in runs)
                    json.WriteString(name, other.Run.HistoryHash);
                json.WriteEndObject();
            }

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
