using System.Text.Json;
using Replay.Replayer;

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
