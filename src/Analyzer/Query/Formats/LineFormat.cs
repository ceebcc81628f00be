namespace Replay.Analyzer.Query.Formats;

/// <summary>A field a line, a blank line between rows: for rows too wide for any screen.</summary>
public sealed class LineFormat : ResultFormat
{
    public override string Name => "line";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var names = rows.Columns;
        var width = names.Max(name => name.Length);
        for (var isFirst = true; rows.Read(); isFirst = false)
        {
            if (!isFirst)
                output.Write('\n');
            for (var i = 0; i < names.Count; i++)
                output.Write($"{names[i].PadLeft(width)} = {rows[i].ToString().ReplaceLineEndings($"\n{new string(' ', width + 3)}")}\n");
        }
    }
}
