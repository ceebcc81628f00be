using System.Text.Json;
using Dapper;
using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Cli.Commands;

/// <summary>What replays say of model and capture together, for people and for scripts.</summary>
internal static class VerdictReport
{
    /// <summary>The answer and what it rests on, on one stream; the first of each disagreement on the other.</summary>
    /// <param name="verb">Who says it.</param>
    /// <param name="verdicts">By mode.</param>
    /// <param name="output">Takes the answer.</param>
    /// <param name="error">Takes the disagreements.</param>
    /// <returns>Every verdict holds.</returns>
    public static bool Write(string verb, IReadOnlyList<(string Mode, Verdict Verdict)> verdicts, TextWriter output, TextWriter error)
    {
        foreach (var (mode, verdict) in verdicts)
            output.WriteLine($"{mode}: {verdict}");
        WriteGaps("", verdicts, output);
        foreach (var (mode, verdict) in verdicts)
        {
            foreach (var mark in verdict.Disagreements.Concat(verdict.Losses))
                error.WriteLine($"{verb}: {mode}: {mark}");
        }

        return verdicts.All(entry => entry.Verdict.Holds);
    }

    /// <summary>What the answers do not reach: by mode where modes differ, once where it is the capture's.</summary>
    public static void WriteGaps(string indent, IReadOnlyList<(string Mode, Verdict Verdict)> verdicts, TextWriter output)
    {
        foreach (var (mode, verdict) in verdicts)
        {
            foreach (var gap in verdict.Gaps)
                output.WriteLine($"{indent}{(mode.Length > 0 ? $"{mode}: " : "")}not covered: {gap}");
        }

        foreach (var unseen in verdicts.SelectMany(entry => entry.Verdict.Unseen).Distinct())
            output.WriteLine($"{indent}not seen by the capture: {unseen}");
    }

    public static void WriteJson(Verdict verdict, Utf8JsonWriter json)
    {
        json.WriteString("verdict", verdict.Answer);
        Write(json, "disagreements", verdict.Disagreements);
        Write(json, "lost", verdict.Losses);
        Write(json, "notCovered", verdict.Gaps);
        json.WriteStartArray("notSeen");
        foreach (var unseen in verdict.Unseen)
            json.WriteStringValue(unseen);
        json.WriteEndArray();
    }

    /// <summary>The verdict of a run that a database has; null: of an observed run, one that is not complete, or one that an older version stored.</summary>
    public static Verdict? Of(Database database, RunRow run)
    {
        if (run.CaptureBlind is null || !run.Complete || run.Mode == MmuMode.Observed.Name())
            return null;
        var marks = database.Connection.Query<(long Kind, long Count, long Ordinal, long Vcpu, long Rip, long Gva, long Recorded, long Modelled)>(
            "SELECT kind, count, ordinal, vcpu, rip, gva, recorded, modelled FROM _verdict WHERE run = @Run ORDER BY kind", run);
        var translations = database.Connection.ExecuteScalar<long?>("SELECT value FROM _counter WHERE run = @Run AND name = 'verify_checked'", run) ?? 0;
        return Verdict.Of(
            translations,
            marks.Select(mark => new VerdictMark((ModelNote)mark.Kind, mark.Count, new ModelNoteRecord
            {
                Kind = (ModelNote)mark.Kind,
                Ordinal = mark.Ordinal,
                Vcpu = (byte)mark.Vcpu,
                Rip = (ulong)mark.Rip,
                Gva = (ulong)mark.Gva,
                Recorded = (ulong)mark.Recorded,
                Modelled = (ulong)mark.Modelled,
            })),
            JsonSerializer.Deserialize<List<string>>(run.CaptureBlind) ?? []);
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<VerdictMark> marks)
    {
        json.WriteStartArray(name);
        foreach (var mark in marks)
        {
            json.WriteStartObject();
            json.WriteString("kind", mark.Name);
            json.WriteNumber("count", mark.Count);
            json.WriteStartObject("first");
            json.WriteNumber("ordinal", mark.First.Ordinal);
            json.WriteNumber("vcpu", mark.First.Vcpu);
            json.WriteString("rip", mark.First.Rip == 0 ? null : $"0x{mark.First.Rip:x}");
            json.WriteString("reason", mark.Reason);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
