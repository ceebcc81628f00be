using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Replay.Analyzer.Query.Formats;

/// <summary>One JSON array of objects for each result, a row a line.</summary>
public sealed class JsonFormat : ResultFormat
{
    public override string Name => "json";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var keys = JsonText.Keys(rows.Columns);
        output.Write('[');
        for (var isFirst = true; rows.Read(); isFirst = false)
        {
            output.Write(isFirst ? "\n" : ",\n");
            JsonText.WriteRow(rows, keys, output);
        }

        output.Write("\n]\n");
    }

    protected override void WriteSeparator(TextWriter output)
    {
    }
}

/// <summary>A JSON object a line.</summary>
public sealed class JsonLinesFormat : ResultFormat
{
    public override string Name => "jsonl";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var keys = JsonText.Keys(rows.Columns);
        while (rows.Read())
        {
            JsonText.WriteRow(rows, keys, output);
            output.Write('\n');
        }
    }

    protected override void WriteSeparator(TextWriter output)
    {
    }
}

/// <summary>Rows as JSON objects. Integers beyond 2^53 are strings: readers that keep numbers as doubles would change them.</summary>
internal static class JsonText
{
    private const long LargestExact = 1L << 53;

    // Not for HTML: quotes and control characters are escaped, the rest stays readable.
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The column names as JSON strings with a colon, to be written for every row.</summary>
    public static string[] Keys(IReadOnlyList<string> columns)
    {
        var keys = new string[columns.Count];
        for (var i = 0; i < keys.Length; i++)
            keys[i] = JsonSerializer.Serialize(columns[i], Options) + ":";
        return keys;
    }

    public static void WriteRow(IQueryRows rows, string[] keys, TextWriter output)
    {
        output.Write('{');
        for (var i = 0; i < keys.Length; i++)
        {
            if (i > 0)
                output.Write(',');
            output.Write(keys[i]);
            output.Write(Text(rows[i]));
        }

        output.Write('}');
    }

    private static string Text(SqlValue value) => value.Kind switch
    {
        SqlValueKind.Null => "null",
        SqlValueKind.Integer when value.Integer is > LargestExact or < -LargestExact => $"\"{value}\"",
        SqlValueKind.Integer => value.ToString(),
        SqlValueKind.Real when double.IsFinite(value.Real) => value.Real.ToString("R", CultureInfo.InvariantCulture),
        SqlValueKind.Real => "null",
        _ => JsonSerializer.Serialize(value.ToString(), Options),
    };
}
