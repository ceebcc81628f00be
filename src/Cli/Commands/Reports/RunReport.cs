using System.Text;
using System.Text.Json;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Trace.Tracepoints;
using Spectre.Console;

namespace Replay.Cli.Commands;

/// <summary>What replays came to, side by side.</summary>
internal static class RunReport
{
    public static void Write(ReplayPlan plan, IReadOnlyList<ReplayResult> results, CliConsole console)
    {
        var table = new Table().Border(console.OutIsTerminal ? TableBorder.Rounded : TableBorder.Ascii2).AddColumn("");
        foreach (var variant in plan.Variants)
            table.AddColumn(new TableColumn(plan.NameOf(variant)).RightAligned());
        table.AddRow(["KVM of Linux", .. plan.Variants.Select(variant => variant.Kernel.Name + (variant.Kernel.Caveat(variant.Mode) is null ? "" : " *"))]);
        // A capture that was made of a trace has its accesses among the events: those that faulted, one by one.
        if (results.Any(result => result.Accesses > 0))
            Row(table, "accesses", results, result => Units.Count(result.Accesses));
        Row(table, "events", results, result => Units.Count(result.Events));
        Row(table, "VM exits", results, result => Units.Count(result.Exits));
        Row(table, "faults", results, result => Units.Count(result.Faults));
        Row(table, "table writes", results, result => Units.Count(result.Writes));
        AddNested(table, results);
        Row(table, "translations checked", results, result => Units.Count(result.Verify.Checked));
        Row(table, "of them differing", results, result => Units.Count(result.Verify.Differing));
        Row(table, "verdict", results, result => Verdict.Of(result, []).Answer);
        foreach (var note in Enum.GetValues<ModelNote>())
        {
            if (results.Any(result => result.NoteCounts[(int)note] > 0))
                Row(table, $"note: {ModelNotes.Name(note)}", results, result => Units.Count(result.NoteCounts[(int)note]));
        }

        Row(table, "history hash", results, result => result.HistoryHash[..16]);
        console.Ansi().Write(table);
        TellCaveats(plan, console.Lines());
        TellHost(plan, console.Lines());
    }

    public static void WriteJson(ReplayPlan plan, IReadOnlyList<ReplayResult> results, IReadOnlyList<string> unseen, TextWriter output, IReadOnlyList<StoredRun>? runs = null)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartArray();
            for (var i = 0; i < results.Count; i++)
                WriteJson(plan, plan.Variants[i], results[i], unseen, json, runs is { Count: > 0 } ? runs[i] : null);
            json.WriteEndArray();
        }

        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }

    /// <summary>What was not compared with a machine says so.</summary>
    private static void TellCaveats(ReplayPlan plan, TextWriter output)
    {
        foreach (var variants in plan.Variants.Where(variant => variant.Kernel.Caveat(variant.Mode) is not null).GroupBy(variant => variant.Kernel))
        {
            var modes = string.Join(", ", variants.Select(variant => variant.Mode.Name()));
            output.WriteLine($"* {modes} of {variants.Key}: {variants.Key.Caveat(variants.First().Mode)}");
        }
    }

    /// <summary>A host that was chosen by what the guest does says so.</summary>
    private static void TellHost(ReplayPlan plan, TextWriter output)
    {
        if (plan is { Profile: null, Nested: { Vmx: not true } } && plan.Modes.Contains(MmuMode.Shadow))
            output.WriteLine($"shadow: the host is {HostProfiles.DefaultFor(MmuMode.Shadow, plan.Nested).Name}, as the guest runs guests of its own by VMRUN (--host names another)");
    }

    /// <summary>Zeros in every row are easily taken for an answer.</summary>
    public static void TellIfEmpty(string verb, ReplayPlan plan, IReadOnlyList<ReplayResult> results, CliConsole console)
    {
        if (results.All(result => result is { Accesses: 0, Events: 0 }))
            console.Error.WriteLine($"{verb}: {plan.Capture} holds no access and no event: nothing was replayed.");
        if (results is [{ HostActionsLeft: > 0 and var left }, ..])
            console.Error.WriteLine($"{verb}: {Units.Of(left, "host event")} never came: behind the end of the capture, or at markers that the guest did not make.");
    }

    /// <summary>Whether model and capture agree, and what that rests on.</summary>
    /// <returns>They agree in every mode.</returns>
    public static bool TellVerdict(string verb, ReplayPlan plan, IReadOnlyList<ReplayResult> results, IReadOnlyList<string> unseen, bool isJson, CliConsole console) =>
        VerdictReport.Write(
            verb,
            [.. results.Select((result, i) => (plan.NameOf(plan.Variants[i]), Verdict.Of(result, unseen)))],
            isJson ? TextWriter.Null : console.Lines(),
            console.Error);

    private static void WriteJson(ReplayPlan plan, ReplayVariant variant, ReplayResult result, IReadOnlyList<string> unseen, Utf8JsonWriter json, StoredRun? run)
    {
        json.WriteStartObject();
        if (run is { } stored)
        {
            json.WriteNumber("run", stored.Run);
            json.WriteString("name", stored.Name);
        }

        json.WriteString("mode", variant.Mode.Name());
        json.WriteString("profile", plan.OptionsFor(variant).EffectiveProfile.Name);
        json.WriteString("backing", plan.BackingNameFor(variant.Mode));
        json.WriteString("kernel", variant.Kernel.Release);
        json.WriteString("kernelCaveat", variant.Kernel.Caveat(variant.Mode));
        json.WriteNumber("accesses", result.Accesses);
        json.WriteNumber("events", result.Events);
        json.WriteNumber("exits", result.Exits);
        json.WriteNumber("faults", result.Faults);
        json.WriteNumber("writes", result.Writes);
        if (result.Nested is { } nested)
        {
            json.WriteStartObject("nested");
            NestedReport.WriteMembers(nested, json);
            json.WriteNumber("exits", result.NestedRecords.Exits);
            json.WriteNumber("exitsHandedToL1", result.NestedRecords.HandedOn);
            json.WriteNumber("faults", result.NestedRecords.Faults);
            json.WriteNumber("writes", result.NestedRecords.Writes);
            json.WriteEndObject();
        }

        json.WriteNumber("translationsChecked", result.Verify.Checked);
        json.WriteNumber("translationsDiffering", result.Verify.Differing);
        json.WriteStartObject("notes");
        foreach (var note in Enum.GetValues<ModelNote>())
            json.WriteNumber(ModelNotes.Name(note), result.NoteCounts[(int)note]);
        json.WriteEndObject();
        VerdictReport.WriteJson(Verdict.Of(result, unseen), json);
        json.WriteString("historyHash", result.HistoryHash);
        json.WriteEndObject();
    }

    /// <summary>What the guest's own guests did, and what KVM did for them.</summary>
    private static void AddNested(Table table, IReadOnlyList<ReplayResult> results)
    {
        if (results is not [{ Nested: { } nested }, ..])
            return;
        Row(table, $"{NestedReport.EntriesName(nested)} into L2", results, result => Units.Count(result.Nested!.Entries));
        foreach (var (code, _) in nested.Exits)
            Row(table, $"  {NestedReport.ExitName(nested)} {ExitReasons.NestedName(code, nested.IsVmx)}", results, result => Units.Count(result.Nested!.Exits.GetValueOrDefault(code)));
        Row(table, "accesses of L2", results, result => Units.Count(result.Nested!.Accesses));
        Row(table, "VM exits of L2", results, result => Units.Count(result.NestedRecords.Exits));
        Row(table, "  handed to L1", results, result => Units.Count(result.NestedRecords.HandedOn));
        Row(table, "faults of L2", results, result => Units.Count(result.NestedRecords.Faults));
        Row(table, "writes to L2's tables", results, result => Units.Count(result.NestedRecords.Writes));
    }

    private static void Row(Table table, string name, IReadOnlyList<ReplayResult> results, Func<ReplayResult, string> value) =>
        table.AddRow([name, .. results.Select(value)]);
}
