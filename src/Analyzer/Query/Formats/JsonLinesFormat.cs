namespace Replay.Analyzer.Query.Formats;

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
