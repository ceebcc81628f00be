using System.Text;
using System.Text.Json;
using Replay.Analyzer.Store;
using Replay.Cli.Terminal;
using Replay.Replayer;

namespace Replay.Cli.Commands;

/// <summary>A database's runs for people and for scripts.</summary>
internal static class DatabaseReport
{
    public static void Write(Database database, TextWriter output)
    {
        foreach (var run in database.Runs)
        {
            output.WriteLine($"run {run.Run}: {run.Name}{(run.Complete ? "" : "  INCOMPLETE")}");
            output.WriteLine($"  capture   {run.Capture} ({run.CaptureSource}{(run.CaptureFilter is null ? "" : ", page-filtered")})");
            if (run.Mode == MmuMode.Observed.Name())
            {
                WriteObserved(run, output);
                WriteNested(database, run, output);
                continue;
            }

            output.WriteLine($"  mode      {run.Mode}, host {run.Profile}, backing {run.Backing}, KVM of Linux {run.Kernel}{(run.KernelCaveat is { } caveat ? $": {caveat}" : "")}");
            if (!run.Complete)
            {
                output.WriteLine("  replayed  unknown until it is complete: 'replay run ... --resume' goes on with it");
                continue;
            }

            output.WriteLine($"  replayed  {(run.CaptureSource == "ftrace" ? "" : $"{Units.Count(run.Accesses ?? 0)} accesses, ")}{Units.Count(run.Events ?? 0)} events{(run.CaptureSource == "ftrace" ? ", among them every access that faulted on the traced host" : "")}, ordinals {run.FirstOrdinal} to {run.LastOrdinal}");
            output.WriteLine($"  history   {Units.Count(run.LastSeq ?? 0)} records, hash {run.HistoryHash ?? "-"}, detail {run.Detail}{(run.RowsToOrdinal is { } last ? $", rows up to ordinal {last} (--max-rows {run.MaxRows})" : "")}");
            WriteNested(database, run, output);
            if (database.VerdictOf(run) is not { } verdict)
                continue;
            output.WriteLine($"  verdict   {verdict}");
            foreach (var mark in verdict.Disagreements.Concat(verdict.Losses))
                output.WriteLine($"            {mark}");
            VerdictReport.WriteGaps("            ", [("", verdict)], output);
        }
    }

    /// <summary>What the guest's own guests did and what KVM did for them, where there are any.</summary>
    private static void WriteNested(Database database, RunRow run, TextWriter output)
    {
        if (database.NestedOf(run) is not { } nested)
            return;
        var codes = nested.Vmexits.Count == 0 ? "" : $" ({string.Join(", ", nested.Vmexits.Select(exit => $"{exit.Name} {Units.Count(exit.Count)}"))})";
        output.WriteLine(
            $"  nested    {Units.Of(nested.Vmruns, "VMRUN")} into L2, {Units.Of(nested.Exits, "exit")} of L2, of them {Units.Count(nested.HandedOn)} handed to L1{codes}; "
            + $"{Units.Of(nested.Faults, "fault")} of L2, {Units.Of(nested.Writes, "write")} to its tables");
    }

    private static void WriteObserved(RunRow run, TextWriter output)
    {
        var how = run.OptionsByName();
        output.WriteLine($"  mode      {run.Mode}: a real KVM of Linux {run.Kernel}, host {run.Profile}, {how.GetValueOrDefault("mmu")}");
        output.WriteLine($"  trace     {Units.Count(run.Events ?? 0)} events, ordinals {run.FirstOrdinal} to {run.LastOrdinal}; {Missing(how)}");
        output.WriteLine($"  history   {Units.Count(run.LastSeq ?? 0)} records, hash {run.HistoryHash ?? "-"}; view capability says what the trace could show");
    }

    private static string Missing(IReadOnlyDictionary<string, string> how)
    {
        if (!how.ContainsKey("lines"))
            return "its import did not end";
        var parts = new List<string>();
        if (how.GetValueOrDefault("loss_markers") is not ("0" or null))
            parts.Add($"LOST {how["lost_events"]} or more events in {how["loss_markers"]} places");
        if (how.GetValueOrDefault("damaged_lines") is not ("0" or null))
            parts.Add($"{how["damaged_lines"]} damaged lines");
        if (how.GetValueOrDefault("unreadable_events") is not ("0" or null))
            parts.Add($"{how["unreadable_events"]} events of unknown form");
        if (how.GetValueOrDefault("truncated") == "yes")
            parts.Add("CUT OFF at its end");
        return parts.Count == 0 ? "nothing lost, nothing damaged" : string.Join(", ", parts);
    }

    public static void WriteJson(Database database, TextWriter output)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("database", database.Path);
            json.WriteStartArray("runs");
            foreach (var run in database.Runs)
            {
                json.WriteStartObject();
                json.WriteNumber("run", run.Run);
                json.WriteString("name", run.Name);
                json.WriteString("mode", run.Mode);
                json.WriteBoolean("complete", run.Complete);
                json.WriteString("historyHash", run.HistoryHash);
                json.WriteString("capture", run.Capture);
                json.WriteString("captureHash", run.CaptureHash);
                json.WriteString("profile", run.Profile);
                json.WriteString("backing", run.Backing);
                json.WriteString("kernel", run.Kernel);
                json.WriteString("kernelCaveat", run.KernelCaveat);
                json.WriteString("tool", run.Tool);
                json.WriteNumber("accesses", run.Accesses ?? 0);
                json.WriteNumber("events", run.Events ?? 0);
                json.WriteNumber("records", run.LastSeq ?? 0);
                json.WriteString("detail", run.Detail);
                if (run.RowsToOrdinal is { } last)
                    json.WriteNumber("rowsToOrdinal", last);
                json.WriteBoolean("captureComplete", run.CaptureComplete);
                if (database.NestedOf(run) is { } nested)
                {
                    json.WriteStartObject("nested");
                    json.WriteNumber("vmruns", nested.Vmruns);
                    json.WriteStartObject("vmexits");
                    foreach (var (name, count) in nested.Vmexits)
                        json.WriteNumber(name, count);
                    json.WriteEndObject();
                    json.WriteNumber("exits", nested.Exits);
                    json.WriteNumber("exitsHandedToL1", nested.HandedOn);
                    json.WriteNumber("faults", nested.Faults);
                    json.WriteNumber("writes", nested.Writes);
                    json.WriteEndObject();
                }

                if (database.VerdictOf(run) is { } verdict)
                    VerdictReport.WriteJson(verdict, json);
                json.WritePropertyName("options");
                JsonSerializer.Serialize(json, run.OptionsByName());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }
}
