namespace Replay.Analyzer.Query.Formats;

/// <summary>A table in GitHub's Markdown; columns whose first value is a number are aligned to the right.</summary>
public sealed class MarkdownFormat : ResultFormat
{
    public override string Name => "markdown";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var hasRow = rows.Read();
        output.Write("| " + string.Join(" | ", rows.Columns.Select(Escape)) + " |\n|");
        for (var i = 0; i < rows.Columns.Count; i++)
            output.Write(hasRow && rows[i].Kind is SqlValueKind.Integer or SqlValueKind.Real ? " ---: |" : " --- |");
        output.Write('\n');
        for (; hasRow; hasRow = rows.Read())
        {
            for (var i = 0; i < rows.Columns.Count; i++)
                output.Write($"| {Escape(rows[i].ToString())} ");
            output.Write("|\n");
        }
    }

    private static string Escape(string text) =>
        text.Replace("\\", "\\\\").Replace("|", "\\|").Replace("\r\n", "<br>").Replace("\n", "<br>");
}
