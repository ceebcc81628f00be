using System.Text.Json;
using Replay.Cli.Terminal;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>A capture's manifest for people and for scripts.</summary>
internal static class CaptureReport
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    public static void Write(string path, CaptureManifest manifest, NestedFigures? nestedGuests, TextWriter output)
    {
        var rows = new List<(string Name, string Value)>
        {
            ("capture", path),
            ("format", $"{manifest.Format} {manifest.Version}"),
            ("complete", manifest.Complete ? $"yes ({manifest.EndReason})" : "no"),
            ("source", $"{manifest.Source}, written by {manifest.Tool}"),
        };
        rows.AddRange(manifest.Origin.Select(pair => (pair.Key, pair.Value.TrimEnd().ReplaceLineEndings("; "))));
        rows.Add(("vCPUs", Units.Count(manifest.Vcpus)));
        rows.Add(("memory", Units.Bytes((long)manifest.MemoryBytes) + (IsOfTrace(manifest) ? ", inferred" : "")));
        rows.Add(("recorded", Recorded(manifest) + (manifest.Filter is { } filter ? $", {filter.Entries} entries, epochs of {Units.Count(filter.EpochLength)} ordinals" : "")));
        rows.Add(("accesses", IsOfTrace(manifest)
            ? $"{Units.Count(manifest.AccessesSeen)}, each an event; how many did not fault is not known"
            : $"{Units.Count(Accesses(manifest))} recorded of {Units.Count(manifest.AccessesSeen)} made"));
        rows.Add(("events", Units.Count(manifest.Parts.Sum(part => part.Events))));
        if (nestedGuests is not null)
            rows.Add(("nested", NestedReport.Line(nestedGuests)));
        rows.Add(("size", $"{Units.Bytes(Bytes(manifest))} in {Units.Of(manifest.Parts.Count, "part")}{PerAccess(manifest)}"));
        if (manifest.CountNestedNotFollowed() is > 0 and var nested)
            rows.Add(("NOT EXACT", NotExact(nested)));
        rows.AddRange(manifest.Blind.Select(blind => ("cannot see", blind)));
        var width = rows.Max(row => row.Name.Length);
        foreach (var (name, value) in rows)
            output.WriteLine($"{name.PadRight(width)}  {value}");
    }

    public static void WriteJson(string path, CaptureManifest manifest, NestedFigures? nestedGuests, TextWriter output)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Indented))
        {
            json.WriteStartObject();
            json.WriteString("capture", path);
            json.WriteString("format", manifest.Format);
            json.WriteNumber("version", manifest.Version);
            json.WriteBoolean("complete", manifest.Complete);
            json.WriteString("endReason", manifest.EndReason);
            json.WriteString("source", manifest.Source);
            json.WriteString("tool", manifest.Tool);
            json.WriteStartObject("origin");
            foreach (var (key, value) in manifest.Origin)
                json.WriteString(key, value);
            json.WriteEndObject();
            json.WriteNumber("vcpus", manifest.Vcpus);
            json.WriteNumber("memoryBytes", manifest.MemoryBytes);
            if (manifest.Filter is { } filter)
            {
                json.WriteStartObject("filter");
                json.WriteNumber("entries", filter.Entries);
                json.WriteNumber("epochLength", filter.EpochLength);
                json.WriteEndObject();
            }

            json.WriteString("recorded", Recorded(manifest));
            json.WriteNumber("accessesSeen", manifest.AccessesSeen);
            json.WriteNumber("nestedNotFollowed", manifest.CountNestedNotFollowed());
            if (nestedGuests is not null)
            {
                json.WriteStartObject("nested");
                NestedReport.WriteMembers(nestedGuests, json);
                json.WriteEndObject();
            }

            json.WriteNumber("accesses", Accesses(manifest));
            json.WriteNumber("events", manifest.Parts.Sum(part => part.Events));
            json.WriteNumber("bytes", Bytes(manifest));
            json.WriteNumber("parts", manifest.Parts.Count);
            json.WriteStartArray("blind");
            foreach (var blind in manifest.Blind)
                json.WriteStringValue(blind);
            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(System.Text.Encoding.UTF8.GetString(stream.ToArray()));
    }

    /// <summary>Why no verdict is given on a capture with nested guests that its recorder did not follow.</summary>
    internal static string NotExact(long nested) => ModelNotes.Explain(new ModelNoteRecord { Kind = ModelNote.NestedNotFollowed, Recorded = (ulong)nested });

    private static string Recorded(CaptureManifest manifest) =>
        IsOfTrace(manifest) ? "accesses that faulted on the traced host" : manifest.Filter is null ? "every access" : "page-filtered";

    /// <summary>A trace has faults, and no word of any other access.</summary>
    private static bool IsOfTrace(CaptureManifest manifest) => manifest.Source == "ftrace";

    private static long Accesses(CaptureManifest manifest) => manifest.Parts.Sum(part => part.Accesses);

    private static long Bytes(CaptureManifest manifest) => manifest.Parts.Sum(part => part.Bytes);

    private static string PerAccess(CaptureManifest manifest)
    {
        var accesses = Accesses(manifest);
        return accesses == 0 ? "" : $", {Bytes(manifest) / (double)accesses:0.00} bytes an access";
    }
}
