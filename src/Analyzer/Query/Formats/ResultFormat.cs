namespace Replay.Analyzer.Query.Formats;

/// <summary>A way to write the rows of a query as text.</summary>
public abstract class ResultFormat
{
    /// <summary>All formats, in the order in which help lists them.</summary>
    public static IReadOnlyList<ResultFormat> All { get; } =
        [new TableFormat(), new CsvFormat(), new JsonFormat(), new JsonLinesFormat(), new MarkdownFormat(), new LineFormat()];

    /// <summary>The name on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>The format of this name; null: there is none.</summary>
    public static ResultFormat? Find(string name)
    {
        foreach (var format in All)
        {
            if (format.Name == name)
                return format;
        }

        return null;
    }

    /// <summary>The format for what this query answers.</summary>
    public virtual ResultFormat For(CannedQuery query) => this;

    /// <summary>Writes all statements' results, one behind the other.</summary>
    /// <param name="execution">The statements.</param>
    /// <param name="output">Where to.</param>
    /// <param name="afterResult">Called when a result is written, with <see cref="IQueryExecution.End"/> telling why it ended.</param>
    /// <param name="shownAs">Gives the rows as they are to be written; null: as they are.</param>
    public void WriteAll(IQueryExecution execution, TextWriter output, Action<IQueryExecution>? afterResult = null, Func<IQueryRows, IQueryRows>? shownAs = null)
    {
        for (var isFirst = true; execution.NextResult(); isFirst = false)
        {
            if (!isFirst)
                WriteSeparator(output);
            Write(shownAs is null ? execution : shownAs(execution), output);
            afterResult?.Invoke(execution);
        }
    }

    /// <summary>Writes one result as it is read.</summary>
    public abstract void Write(IQueryRows rows, TextWriter output);

    /// <summary>Between two results.</summary>
    protected virtual void WriteSeparator(TextWriter output) => output.Write('\n');
}
