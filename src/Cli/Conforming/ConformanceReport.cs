using System.Text;
using System.Text.Json;
using Replay.Analyzer.Conformance;
using Replay.Cli.Terminal;

namespace Replay.Cli.Conforming;

/// <summary>Prints what conformance cases came to.</summary>
internal static class ConformanceReport
{
    public static void Write(ConformanceResult result, CliConsole console)
    {
        console.Lines().WriteLine($"{result.Case} in {result.Mode} on {result.HostProfile}, KVM of Linux {result.Kernel}");
        foreach (var one in result.Classes)
            console.Lines().WriteLine($"  {one.Name,-10} {one.Alignment.Matched} of {one.Alignment.Seen}{Extra(one.Alignment)}");
        var bits = result.TablesWithAccessedDirty;
        console.Lines().WriteLine($"  with A/D   {bits.Matched} of {bits.Seen}{Extra(bits)}");
        if (result.ComparedTo is { } last)
            console.Lines().WriteLine($"  compared to checkpoint {last}: the real guest went another way from there than the captured one, or ended");
        if (result.FirstDivergence is { } first)
            WriteDivergence(first, console.Out);
    }

    public static void WriteTable(IReadOnlyList<(string Path, ConformanceResult Result)> results, int notDriven, CliConsole console)
    {
        var rows = new List<string[]> { (string[])["case", "writes", "operations", "flushes", "tables", "with A/D", "complete"] };
        foreach (var (path, result) in results)
            rows.Add([path, .. result.Classes.Select(one => Score(one.Alignment)), Score(result.TablesWithAccessedDirty), (result.IsComplete ? "yes" : "no") + (result.ComparedTo is { } last ? $", to checkpoint {last}" : "")]);
        var complete = results.Count(entry => entry.Result.IsComplete);
        rows.Add(["total", .. Enumerable.Range(0, Picks.Length).Select(i => Sum(results, i)), $"{complete} of {results.Count}{(notDriven > 0 ? $", {notDriven} not driven" : "")}"]);
        var widths = Enumerable.Range(0, rows[0].Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
            console.Out.WriteLine(string.Join("  ", row.Select((cell, column) => column == 0 ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))));
    }

    public static void WriteJson(ConformanceResult result, TextWriter output) => Print(output, json => Write(json, result, null));

    public static void WriteJson(IReadOnlyList<(string Path, ConformanceResult Result)> results, IReadOnlyList<string> notDriven, TextWriter output) => Print(output, json =>
    {
        json.WriteStartObject();
        json.WriteStartArray("cases");
        foreach (var (path, result) in results)
            Write(json, result, path);
        json.WriteEndArray();
        json.WriteStartArray("notDriven");
        foreach (var path in notDriven)
            json.WriteStringValue(path);
        json.WriteEndArray();
        json.WriteStartObject("total");
        json.WriteNumber("cases", results.Count);
        json.WriteNumber("notDriven", notDriven.Count);
        json.WriteNumber("complete", results.Count(entry => entry.Result.IsComplete));
        foreach (var (name, pick) in Picks)
        {
            json.WriteStartObject(name);
            json.WriteNumber("seen", results.Sum(entry => (long)pick(entry.Result).Seen));
            json.WriteNumber("matched", results.Sum(entry => (long)pick(entry.Result).Matched));
            json.WriteNumber("extra", results.Sum(entry => (long)pick(entry.Result).Extra));
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    });

    private static readonly (string Name, Func<ConformanceResult, Alignment> Pick)[] Picks =
    [
        ("writes", result => result.Writes.Alignment),
        ("operations", result => result.Operations.Alignment),
        ("flushes", result => result.Flushes.Alignment),
        ("tables", result => result.Tables.Alignment),
        ("tablesWithAccessedDirty", result => result.TablesWithAccessedDirty),
    ];

    private static string Sum(IReadOnlyList<(string Path, ConformanceResult Result)> results, int i) =>
        $"{results.Sum(entry => (long)Picks[i].Pick(entry.Result).Matched)}/{results.Sum(entry => (long)Picks[i].Pick(entry.Result).Seen)}";

    private static string Score(Alignment alignment) =>
        $"{alignment.Matched}/{alignment.Seen}{(alignment.Extra > 0 ? $" +{alignment.Extra}" : "")}";

    private static string Extra(Alignment alignment) => alignment.Extra > 0 ? $", {alignment.Extra} of the model's are extra" : "";

    private static void WriteDivergence(ConformanceDivergence first, TextWriter output)
    {
        output.WriteLine($"first divergence: {first.Class}, after {first.Index} that match");
        WriteSide("real KVM", "line", first.Observed, output);
        WriteSide("model", "ordinal", first.Model, output);
    }

    private static void WriteSide(string who, string where, DivergenceSide? side, TextWriter output)
    {
        output.WriteLine($"  {who}:");
        if (side is null)
        {
            output.WriteLine("    did nothing more");
            return;
        }

        foreach (var item in side.Before)
            output.WriteLine($"      {where} {item.Source,-8} {item.Text}");
        output.WriteLine($"    > {where} {side.Source,-8} {side.Text}");
        foreach (var item in side.After)
            output.WriteLine($"      {where} {item.Source,-8} {item.Text}");
        if (side.Chain.Count > 0)
            output.WriteLine($"    because {string.Join(" > ", side.Chain)}");
        if (side.Rip != 0)
            output.WriteLine($"    instruction at 0x{side.Rip:x}{(side.Bytes.Length > 0 ? $": {side.Bytes} ..." : "")}");
    }

    private static void Print(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            write(json);
        output.WriteLine(Encoding.UTF8.GetString(stream.ToArray()));
    }

    private static void Write(Utf8JsonWriter json, ConformanceResult result, string? path)
    {
        json.WriteStartObject();
        json.WriteString("case", result.Case);
        json.WriteString("mode", result.Mode);
        foreach (var one in result.Classes)
            Write(json, one.Name, one.Alignment);
        json.WritePropertyName("firstDivergence");
        if (result.FirstDivergence is { } first)
            Write(json, first);
        else
            json.WriteNullValue();
        json.WriteBoolean("complete", result.IsComplete);
        if (result.ComparedTo is { } last)
            json.WriteNumber("comparedToCheckpoint", last);
        Write(json, "tablesWithAccessedDirty", result.TablesWithAccessedDirty);
        json.WriteString("hostProfile", result.HostProfile);
        json.WriteString("kernel", result.Kernel);
        if (path is not null)
            json.WriteString("path", path);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, Alignment alignment)
    {
        json.WriteStartObject(name);
        json.WriteNumber("seen", alignment.Seen);
        json.WriteNumber("matched", alignment.Matched);
        json.WriteNumber("extra", alignment.Extra);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ConformanceDivergence first)
    {
        json.WriteStartObject();
        json.WriteString("class", first.Class);
        json.WriteNumber("index", first.Index);
        Write(json, "observed", "line", first.Observed);
        Write(json, "model", "ordinal", first.Model);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, string source, DivergenceSide? side)
    {
        json.WritePropertyName(name);
        if (side is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteString("text", side.Text);
        json.WriteNumber(source, side.Source);
        Write(json, "before", source, side.Before);
        Write(json, "after", source, side.After);
        if (name == "model")
        {
            json.WriteStartArray("chain");
            foreach (var function in side.Chain)
                json.WriteStringValue(function);
            json.WriteEndArray();
            json.WriteString("rip", $"0x{side.Rip:x}");
            json.WriteString("bytes", side.Bytes);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, string source, IReadOnlyList<ConformanceItem> items)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
        {
            json.WriteStartObject();
            json.WriteString("text", item.Text);
            json.WriteNumber(source, item.Source);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
