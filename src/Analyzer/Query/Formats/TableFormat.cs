namespace Replay.Analyzer.Query.Formats;

/// <summary>
/// Columns aligned for the eye. Widths come from the first rows, which are held back; a later value that is wider pushes its line out,
/// so that any number of rows streams in bounded memory. Where a width is given, the table is made to fit: columns whose twin says the same go
/// first, then long texts are cut, then the last columns go, and <see cref="LeftOut"/> tells which; the room that these leave is given back to the texts.
/// </summary>
public sealed class TableFormat(int? width = null) : ResultFormat
{
    private const int HeldRows = 1000;
    private const int HeldCharacters = 4 << 20;
    private const int ShortestText = 14;
    private const string Gap = "  ";
    private const string Cut = "…";

    public override string Name => "table";

    /// <summary>Columns of the last result that did not fit.</summary>
    public IReadOnlyList<string> LeftOut { get; private set; } = [];

    /// <summary>Values of the last result were cut to fit.</summary>
    public bool HasCut { get; private set; }

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

        var columns = new List<Column>();
        for (var i = 0; i < rows.Columns.Count; i++)
        {
            var index = i;
            columns.Add(new Column(i, rows.Columns[i])
            {
                Width = Math.Max(rows.Columns[i].Length, held.Count == 0 ? 0 : held.Max(row => Text(row[index]).Length)),
                IsNumber = held.Count > 0 && held.TrueForAll(row => row[index].Kind is SqlValueKind.Integer or SqlValueKind.Real or SqlValueKind.Null)
                    && held.Exists(row => row[index].Kind != SqlValueKind.Null),
            });
        }

        var isFitted = Fit(columns);
        WriteLine(columns, column => column.Name, isFitted, output);
        WriteLine(columns, column => new string('-', column.Width), isFitted, output);
        foreach (var row in held)
            WriteLine(columns, column => Text(row[column.Index]), isFitted, output);
        while (isOpen && rows.Read())
        {
            var row = Row(rows);
            WriteLine(columns, column => Text(row[column.Index]), isFitted, output);
        }
    }

    /// <returns>Whether values must be cut to their column.</returns>
    private bool Fit(List<Column> columns)
    {
        LeftOut = [];
        HasCut = false;
        if (width is not { } room || Total(columns) <= room)
            return false;
        var leftOut = new List<string>();
        foreach (var column in columns.FindAll(column => columns.Exists(other => other.Name == column.Name + "_hex")))
        {
            if (Total(columns) > room)
                Leave(column);
        }

        var whole = columns.ToDictionary(column => column, column => column.Width);
        while (Total(columns) > room && columns.FindAll(column => !column.IsNumber && column.Width > ShortestText).MaxBy(column => column.Width) is { } widest)
            widest.Width = Math.Max(ShortestText, widest.Width - (Total(columns) - room));
        while (Total(columns) > room && columns.Count > 1)
            Leave(columns[^1]);
        while (Total(columns) < room && columns.FindAll(column => column.Width < whole[column]).MinBy(column => column.Width) is { } shortest)
            shortest.Width++;
        HasCut = columns.Exists(column => column.Width < whole[column]);
        LeftOut = leftOut;
        return true;

        void Leave(Column column)
        {
            columns.Remove(column);
            leftOut.Add(column.Name);
        }
    }

    private static int Total(List<Column> columns) => columns.Sum(column => column.Width) + (Gap.Length * (columns.Count - 1));

    private static SqlValue[] Row(IQueryRows rows)
    {
        var row = new SqlValue[rows.Columns.Count];
        for (var i = 0; i < row.Length; i++)
            row[i] = rows[i];
        return row;
    }

    /// <summary>One line: a break in a value would break the table.</summary>
    private static string Text(SqlValue value) => value.ToString().ReplaceLineEndings(" | ");

    private static void WriteLine(List<Column> columns, Func<Column, string> cell, bool isFitted, TextWriter output)
    {
        for (var i = 0; i < columns.Count; i++)
        {
            if (i > 0)
                output.Write(Gap);
            var column = columns[i];
            var text = cell(column);
            if (isFitted && text.Length > column.Width)
                text = Shorten(text, column.Width);
            output.Write(column.IsNumber ? text.PadLeft(column.Width) : i == columns.Count - 1 ? text : text.PadRight(column.Width));
        }

        output.Write('\n');
    }

    /// <summary>Of a call chain the end says most: what acted.</summary>
    private static string Shorten(string text, int length) =>
        text.Contains(" > ", StringComparison.Ordinal) ? Cut + text[^(length - 1)..] : text[..(length - 1)] + Cut;

    private sealed class Column(int index, string name)
    {
        public int Index => index;

        public string Name => name;

        public int Width { get; set; }

        public bool IsNumber { get; init; }
    }
}
