using System.Buffers;

namespace Replay.Analyzer.Query.Formats;

/// <summary>Comma-separated values with a header line, quoted as RFC 4180 says. Lines end in a line feed, as Unix tools expect. NULL is empty.</summary>
public sealed class CsvFormat : ResultFormat
{
    private static readonly SearchValues<char> NeedsQuotes = SearchValues.Create("\",\r\n");

    public override string Name => "csv";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var columns = rows.Columns.Count;
        for (var i = 0; i < columns; i++)
            WriteField(rows.Columns[i], i, output);
        output.Write('\n');
        while (rows.Read())
        {
            for (var i = 0; i < columns; i++)
                WriteField(rows[i].ToString(), i, output);
            output.Write('\n');
        }
    }

    private static void WriteField(string text, int column, TextWriter output)
    {
        if (column > 0)
            output.Write(',');
        if (!text.AsSpan().ContainsAny(NeedsQuotes))
        {
            output.Write(text);
            return;
        }

        output.Write('"');
        output.Write(text.Replace("\"", "\"\""));
        output.Write('"');
    }
}
