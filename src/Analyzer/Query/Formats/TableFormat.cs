namespace Replay.Analyzer.Query.Formats;

/// <summary>
/// Columns aligned for the eye. Widths come from the first rows, which are held back; a later value that is wider pushes its line out,
/// so that any number of rows streams in bounded memory.
/// </summary>
public sealed class TableFormat : ResultFormat
{
    private const int HeldRows = 1000;
    private const int HeldCharacters = 4 << 20;
    private const string Gap = "  ";

    public override string Name => "table";

    public override void Write(IQueryRows rows, TextWriter output)
    {
        var held = new List<SqlValue[]>();
        var characters = 0L;
        var isOpen = true;
        while (held.Count < HeldRows && characters < HeldCharacters && (isOpen = rows.Read()))
        {
            var row = Row(rows);
            held.Add(row);
            characters += row.Sum(value => value.Kind is SqlValueKind.Text or SqlValueKind.Blob ? (long)value.ToString().Length : 0);
        }

        var widths = new int[rows.Columns.Count];
        var isNumber = new bool[widths.Length];
        for (var i = 0; i < widths.Length; i++)
        {
            widths[i] = Math.Max(rows.Columns[i].Length, held.Count == 0 ? 0 : held.Max(row => Text(row[i]).Length));
            isNumber[i] = held.Count > 0 && held.TrueForAll(row => row[i].Kind is SqlValueKind.Integer or SqlValueKind.Real or SqlValueKind.Null)
                && held.Exists(row => row[i].Kind != SqlValueKind.Null);
        }

        WriteLine(rows.Columns, widths, isNumber, output);
        WriteLine([.. widths.Select(width => new string('-', width))], widths, isNumber, output);
        foreach (var row in held)
            WriteLine([.. row.Select(Text)], widths, isNumber, output);
        while (isOpen && rows.Read())
            WriteLine([.. Row(rows).Select(Text)], widths, isNumber, output);
    }

    private static SqlValue[] Row(IQueryRows rows)
    {
        var row = new SqlValue[rows.Columns.Count];
        for (var i = 0; i < row.Length; i++)
            row[i] = rows[i];
        return row;
    }

    /// <summary>One line: a break in a value would break the table.</summary>
    private static string Text(SqlValue value) => value.ToString().ReplaceLineEndings(" | ");

    private static void WriteLine(IReadOnlyList<string> cells, int[] widths, bool[] isNumber, TextWriter output)
    {
        for (var i = 0; i < cells.Count; i++)
        {
            if (i > 0)
                output.Write(Gap);
            var isLast = i == cells.Count - 1;
            output.Write(isNumber[i] ? cells[i].PadLeft(widths[i]) : isLast ? cells[i] : cells[i].PadRight(widths[i]));
        }

        output.Write('\n');
    }
}
