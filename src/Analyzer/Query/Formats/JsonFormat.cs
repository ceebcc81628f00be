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
