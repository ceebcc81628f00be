using System.Globalization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Cli.Terminal;

namespace Replay.Cli.Querying;

/// <summary>What is said below an answer, on stderr: that it was stopped, had no room, or is empty; and what to do about it, in the words of whoever asks.</summary>
internal sealed class AnswerNotes
{
    private readonly CliConsole _console;

    private AnswerNotes(CliConsole console) => _console = console;

    /// <summary>Stands before each note.</summary>
    private string Prefix { get; init; } = "";

    /// <summary>What stops an answer after so many rows, bytes and seconds.</summary>
    private (string Rows, string Bytes, string Time) Limits { get; init; }

    /// <summary>What lets it go on to its end.</summary>
    private (string Rows, string Bytes, string Time) Unlimited { get; init; }

    /// <summary>How all columns are seen.</summary>
    private string Room { get; init; } = "";

    /// <summary>Of a command line.</summary>
    public static AnswerNotes OfCommand(CliConsole console) => new(console)
    {
        Prefix = "replay query: ",
        Limits = ("--max-rows", "--max-bytes", "--timeout"),
        Unlimited = ("--max-rows 0", "--max-bytes 0", "--timeout 0"),
        Room = "--line shows a field a line, --wide lets lines run on.",
    };

    /// <summary>Of a line of the shell, where a limit on rows also limits bytes.</summary>
    public static AnswerNotes OfShell(CliConsole console) => new(console)
    {
        Limits = (".limit", ".limit", ".timeout"),
        Unlimited = (".limit 0", ".limit 0", ".timeout 0"),
        Room = "'.mode line' shows a field a line, '.wide on' lets lines run on.",
    };

    /// <summary>Why the answer ended before its end.</summary>
    public void End(IQueryExecution result, QueryLimits limits)
    {
        if (result.End == QueryEnd.RowLimit)
            Write($"stopped after {Units.Count(result.RowCount)} rows ({Limits.Rows}); there are more. {Unlimited.Rows} shows them all.");
        if (result.End == QueryEnd.ByteLimit)
            Write($"stopped after {Units.Bytes(result.ByteCount)} in {Units.Of(result.RowCount, "row")} ({Limits.Bytes}); there may be more. {Unlimited.Bytes} shows them all.");
        if (result.End == QueryEnd.TimeLimit)
            Write(string.Create(CultureInfo.InvariantCulture, $"stopped after {limits.Time!.Value.TotalSeconds:0.###} s ({Limits.Time}) and {Units.Count(result.RowCount)} rows; there may be more. {Unlimited.Time} lets it run to its end."));
    }

    /// <summary>What a terminal has no room for, and that there was nothing.</summary>
    public void Fit(ResultFormat format, IQueryExecution result, string? whyEmpty = null, Func<string>? explain = null)
    {
        if (explain is not null && result is { RowCount: 0, End: QueryEnd.Complete })
        {
            Write($"0 rows: {explain()}");
        }
        else if (result is { RowCount: 0, End: QueryEnd.Complete })
        {
            if (whyEmpty is not null || (format is TableFormat && _console.OutIsTerminal))
                Write($"0 rows: {whyEmpty ?? "nothing matches."}");
        }
        else if (format is TableFormat { LeftOut.Count: > 0 } table)
        {
            var empty = table.LeftOutEmpty.Count > 0 ? $" (empty: {string.Join(", ", table.LeftOutEmpty)})" : "";
            var left = table.LeftOut.Except(table.LeftOutEmpty).ToList();
            Write(left.Count > 0 ? $"no room for {string.Join(", ", left)}{empty}. {Room}" : $"not shown{empty}. {Room}");
        }
    }

    private void Write(string note) => Prose.Write(_console.Error, Prefix + note, _console.Width);
}
