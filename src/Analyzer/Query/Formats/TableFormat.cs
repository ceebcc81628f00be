namespace Replay.Analyzer.Query.Formats;

/// <summary>
/// Columns aligned for the eye. Widths come from the first rows, which are held back; a later value that is wider pushes its line out,
/// so that any number of rows streams in bounded memory. Where a width is given, the table is made to fit: columns come in by what they say,
/// each with the least width in which that can be told (<see cref="ColumnShape"/>), as long as there is room; <see cref="LeftOut"/> tells which did
/// not, and what room is left is given to texts that are cut.
/// </summary>
/// <param name="width">Characters of a line; null: any number.</param>
/// <param name="answer">
/// Columns that say most, in that order; null: it is not known, and the usual ones do. Then come others, from the left, last those that are
/// the twin of another or empty.
/// </param>
public sealed class TableFormat(int? width = null, IReadOnlyList<string>? answer = null) : ResultFormat
{
    private const int HeldRows = 1000;
    private const int HeldCharacters = 4 << 20;
    private const string Gap = "  ";

    /// <summary>When, and which function did it: what is asked most.</summary>
    private static readonly string[] UsualAnswer = ["ordinal", "function"];

    private readonly HashSet<int> _empty = [];

    public override string Name => "table";

    /// <summary>Columns of the last result that did not fit.</summary>
    public IReadOnlyList<string> LeftOut { get; private set; } = [];

    /// <summary>Those of them that are NULL in every row.</summary>
    public IReadOnlyList<string> LeftOutEmpty { get; private set; } = [];

    /// <summary>Values of the last result were cut to fit.</summary>
    public bool HasCut { get; private set; }

    /// <inheritdoc/>
    public override ResultFormat For(CannedQuery query)
    {
        ArgumentNullException.ThrowIfNull(query);
        return width is null ? this : new TableFormat(width, query.Answer);
    }

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

        var all = rows.Columns.Select((name, index) => new ColumnShape(index, name, [.. held.Select(row => row[index])])).ToList();
        var isFitted = width is { } room && Total(all) > room;
        var columns = isFitted ? Fit(all, width!.Value) : all;
        HasCut = columns.Exists(column => column.Width < column.Whole && !column.IsFolded);
        _empty.Clear();
        _empty.UnionWith(all.Except(columns).Where(column => column.IsEmpty && held.Count > 0).Select(column => column.Index));
        WriteLine(columns, column => column.Name, isFitted, output);
        WriteLine(columns, column => new string('-', column.Width), isFitted, output);
        foreach (var row in held)
            WriteLine(columns, column => ColumnShape.Text(row[column.Index]), isFitted, output);
        while (isOpen && rows.Read())
        {
            var row = Row(rows);
            _empty.RemoveWhere(index => row[index].Kind != SqlValueKind.Null);
            WriteLine(columns, column => ColumnShape.Text(row[column.Index]), isFitted, output);
        }

        LeftOut = [.. all.Except(columns).Select(column => column.Name)];
        LeftOutEmpty = [.. all.Where(column => _empty.Contains(column.Index)).Select(column => column.Name)];
    }

    /// <returns>The columns that fit, from left to right, and how wide they are.</returns>
    private List<ColumnShape> Fit(List<ColumnShape> all, int room)
    {
        var fitting = new List<ColumnShape>();
        foreach (var column in all.OrderBy(column => Rank(column, all)).ThenBy(column => column.Index))
        {
            if (WidthIn(fitting, column, room) is not { } fits)
                continue;
            column.Width = fits;
            column.IsFolded = column.IsProse && answer?.Contains(column.Name) == true;
            fitting.Add(column);
        }

        fitting.Sort((left, right) => left.Index.CompareTo(right.Index));
        while (Total(fitting) < room && fitting.FindAll(column => column.Width < column.Whole).MinBy(column => column.Width) is { } shortest)
            shortest.Width++;
        return fitting;
    }

    /// <summary>What is asked for, what else there is, what another column says too, what says nothing.</summary>
    private int Rank(ColumnShape column, List<ColumnShape> all)
    {
        var named = answer ?? UsualAnswer;
        var place = Enumerable.Range(0, named.Count).FirstOrDefault(i => named[i] == column.Name, named.Count);
        return column.IsEmpty ? named.Count + 2 + place : place < named.Count ? place : all.Exists(column.IsTwinOf) ? named.Count + 1 : named.Count;
    }

    /// <summary>The width of one more column, as narrow as can be; null: there is no room for it.</summary>
    private int? WidthIn(List<ColumnShape> fitting, ColumnShape column, int room)
    {
        if (fitting.Count == 0)
            return Math.Min(column.Least, room);
        var left = room - Total(fitting) - Gap.Length;
        // Beside what acted, a chain has to say more than that.
        var least = column.IsChain && fitting.Exists(other => other.IsTwinOf(column)) ? column.Usual : column.Least;
        // What was not asked for takes no room that the answer could do with, nor does what another column says.
        var isTwin = fitting.Exists(column.IsTwinOf);
        if (isTwin || (answer is not null && !answer.Contains(column.Name)))
            left -= fitting.Sum(other => Math.Max(0, (isTwin ? other.Whole : other.Usual) - other.Width));
        return least <= left ? least : null;
    }

    private static int Total(List<ColumnShape> columns) => columns.Sum(column => column.Width) + (Gap.Length * (columns.Count - 1));

    private static SqlValue[] Row(IQueryRows rows)
    {
        var row = new SqlValue[rows.Columns.Count];
        for (var i = 0; i < row.Length; i++)
            row[i] = rows[i];
        return row;
    }

    private static void WriteLine(List<ColumnShape> columns, Func<ColumnShape, string> cell, bool isFitted, TextWriter output)
    {
        var cells = columns.ConvertAll(column => isFitted ? column.Lines(cell(column)) : [cell(column)]);
        for (var line = 0; line < cells.Max(lines => lines.Count); line++)
        {
            for (var i = 0; i < columns.Count; i++)
            {
                if (i > 0)
                    output.Write(Gap);
                var column = columns[i];
                var text = line < cells[i].Count ? cells[i][line] : "";
                output.Write(column.IsNumber ? text.PadLeft(column.Width) : i == columns.Count - 1 ? text : text.PadRight(column.Width));
            }

            output.Write('\n');
        }
    }
}
