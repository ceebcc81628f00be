using System.Diagnostics;
using System.Globalization;
using System.Text;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Cli.Commands;
using Replay.Cli.Querying;
using Replay.Cli.Terminal;
using Replay.Trace;
using SQLitePCL;

namespace Replay.Cli.Shell;

/// <summary>What the shell does with lines: SQL up to its semicolon, <c>@name key=value</c> for a canned query, commands that begin with a dot.</summary>
internal sealed class ShellSession(Database database, CliConsole console, CancellationToken cancellation)
{
    /// <summary>The commands, their arguments, and what they do.</summary>
    internal static readonly IReadOnlyList<(string Name, string Argument, string Meaning)> Commands =
    [
        (".help", "", "this list"),
        (".tables", "", "the views, and what they hold"),
        (".schema", "[VIEW]", "the columns of a view; of all of them without one"),
        (".runs", "", "the runs of this database"),
        (".queries", "[NAME]", "the canned queries; the parameters and the SQL of one"),
        (".mode", "[FORMAT]", "how answers are written: table, csv, json, jsonl, markdown, line"),
        (".wide", "on|off", "tables as wide as they are, not as the terminal"),
        (".timer", "on|off", "how long each answer took"),
        (".limit", "[N]", "stop an answer after so many rows, or 64 MiB of them; 0: never"),
        (".timeout", "[SECONDS]", "stop a query after so many seconds; 0: never"),
        (".read", "FILE", "take the lines of a file"),
        (".quit", "", "end; so do quit, exit and Ctrl-D"),
    ];

    private const int MostOfStatement = 40;

    private readonly QueryRunner _runner = new(database);
    private readonly StringBuilder _statement = new();
    private string _mode = console.OutIsTerminal ? "table" : "csv";
    private bool _isWide;
    private bool _isTimed;
    private long _rows = console.OutIsTerminal ? QueryCommand.RowsOnTerminal : 0;
    private double _seconds = QueryCommand.DefaultSeconds;
    private CancellationTokenSource? _query;
    private bool _isOver;
    private bool _isTalk;

    /// <summary>Lines of a pipe or a file: the first mistake ends it.</summary>
    public int RunScript(TextReader lines)
    {
        while (!_isOver && lines.ReadLine() is { } line)
            Take(line, cancellation);
        if (!string.IsNullOrWhiteSpace(_statement.ToString()))
            Flush(cancellation);
        return ExitCode.Done;
    }

    /// <summary>Lines of a person: a mistake is told, and the talk goes on.</summary>
    public int Talk(ShellEditor editor)
    {
        console.OnInterrupt = () => Stop(editor);
        _isTalk = true;
        try
        {
            while (!_isOver && editor.Read(_statement.Length == 0 ? "replay> " : "   ...> ") is { } line)
            {
                if (line.IsCancelled)
                    _statement.Clear();
                else
                    Try(line.Text);
                editor.Remember(line.Text, isWhole: _statement.Length == 0);
            }

            return cancellation.IsCancellationRequested ? ExitCode.Interrupted : ExitCode.Done;
        }
        finally
        {
            console.OnInterrupt = null;
        }
    }

    /// <summary>Ctrl-C: the query that runs, or the line that is being written; a query that does not stop ends with the process.</summary>
    private void Stop(ShellEditor editor)
    {
        if (_query is not { } query)
            editor.Cancel();
        else if (query.IsCancellationRequested)
            Environment.Exit(ExitCode.Interrupted);
        else
            query.Cancel();
    }

    private void Try(string line)
    {
        using var query = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _query = query;
        try
        {
            Take(line, query.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            _statement.Clear();
            console.Error.WriteLine("stopped");
        }
        catch (Exception exception) when (exception is UsageException or QueryException or InputMissingException or IOException)
        {
            _statement.Clear();
            console.Error.WriteLine(exception.Message);
        }
        finally
        {
            _query = null;
        }
    }

    private void Take(string line, CancellationToken stop)
    {
        var words = line.Trim().TrimEnd(';').Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (_statement.Length > 0 ? IsAnother(words) : words.Length == 0)
            return;
        if (_statement.Length == 0 && (words[0][0] is '.' or '@' || words is ["quit" or "exit" or "help"]))
        {
            if (words[0][0] == '@')
                AskCanned(words, stop);
            else
                Command(words[0][0] == '.' ? words : ["." + words[0]], stop);
            return;
        }

        if (_statement.Length == 0)
            CannedQueries.RefuseName(line, isWhole: line.TrimEnd().EndsWith(';'));
        _statement.AppendLine(line);
        if (raw.sqlite3_complete(_statement.ToString()) != 0)
            Flush(stop);
    }

    /// <summary>
    /// A line within a statement that is no part of it: a command, or the beginning of another where this one could end. A person is told how it ends;
    /// a script would go on with half of it.
    /// </summary>
    private bool IsAnother(string[] words)
    {
        var isCommand = words is ["quit" or "exit" or "help"] || (words.Length > 0 && (Commands.Any(command => command.Name == words[0]) || words[0] is ".exit" or ['@', ..]));
        if (!isCommand && !(words.Length > 0 && words[0].ToUpperInvariant() is "SELECT" or "WITH" or "VALUES" or "EXPLAIN" && IsWhole()))
            return false;
        var begun = _statement.ToString().Trim().ReplaceLineEndings(" ");
        var told = $"{words[0]}: a statement goes on here ({(begun.Length > MostOfStatement ? begun[..MostOfStatement] + "…" : begun)}).";
        if (!_isTalk)
            throw new UsageException($"{told} End it with ; before.");
        Prose.Write(console.Error, $"{told} End it with ; or give it up with Ctrl-C.", console.Width);
        return true;
    }

    /// <summary>What there is of the statement compiles: its semicolon alone may be missing.</summary>
    private bool IsWhole()
    {
        var result = raw.sqlite3_prepare_v2(database.Connection.Handle, _statement.ToString(), out var statement);
        using (statement)
            return result == raw.SQLITE_OK && statement is { IsInvalid: false };
    }

    private void Flush(CancellationToken stop)
    {
        var sql = _statement.ToString();
        _statement.Clear();
        var meant = MeantQuery.Of(sql, database);
        foreach (var hint in meant.Notes.Concat(QueryHints.For(meant.Sql, database)).Concat(QueryHints.NotShown(meant.Sql, database)))
            console.Error.WriteLine(hint);
        Answer(limits => _runner.Execute(meant.Sql, limits: limits, cancellation: stop), QueryHints.WhyEmpty(meant.Sql, database));
    }

    private void AskCanned(string[] words, CancellationToken stop)
    {
        var query = CannedQueries.Find(words[0]);
        var arguments = Settings.Parse([.. words[1..].Where(word => word != "-p")], words[0]);
        foreach (var hint in QueryHints.For(query.Sql, database))
            console.Error.WriteLine(hint);
        Answer(limits => _runner.Execute(query, arguments, limits, stop), null, query, () => EmptyAnswer.Explain(query, arguments, _runner, database));
    }

    private void Answer(Func<QueryLimits, QueryExecution> start, string? whyEmpty = null, CannedQuery? query = null, Func<string>? explain = null)
    {
        var limits = new QueryLimits
        {
            Rows = _rows > 0 ? _rows : null,
            Bytes = console.OutIsTerminal && _rows > 0 ? QueryCommand.BytesOnTerminal : null,
            Time = _seconds > 0 ? TimeSpan.FromSeconds(_seconds) : null,
        };
        var format = _mode == "table" && console.Width is { } width && !_isWide ? new TableFormat(width, query?.Answer) : ResultFormat.Find(_mode)!;
        var notes = AnswerNotes.OfShell(console);
        var begun = Stopwatch.GetTimestamp();
        var rows = 0L;
        using (var execution = start(limits))
        {
            format.WriteAll(execution, console.Out, result =>
            {
                rows += result.RowCount;
                notes.End(result, limits);
                notes.Fit(format, result, whyEmpty, explain);
            });
        }

        if (_isTimed)
            console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Units.Of(rows, "row")} in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.000} s"));
    }

    private void Command(string[] words, CancellationToken stop)
    {
        var argument = words.Length > 1 ? words[1] : null;
        var lines = console.Lines(_isWide);
        switch (words[0])
        {
            case ".help":
                foreach (var (name, takes, meaning) in Commands)
                    lines.WriteLine($"{name + " " + takes,-20} {meaning}");
                lines.WriteLine($"{"@NAME KEY=VALUE ...",-20} a canned query");
                lines.WriteLine($"{"SQL ... ;",-20} any question, on as many lines as it takes");
                break;
            case ".tables":
                foreach (var view in ViewDefinition.All)
                    lines.WriteLine($"{view.Name,-20} {view.Description[0]}");
                break;
            case ".schema":
                foreach (var view in argument is null ? ViewDefinition.All : [SchemaCommand.Find(argument)])
                    SchemaCommand.Write(view, console);
                break;
            case ".runs":
                foreach (var run in database.Runs)
                    lines.WriteLine($"{run.Run,3} {run.Name,-20} {run.Mode,-8} {run.Profile}, Linux {run.Kernel}{(run.KernelCaveat is { } caveat ? $" ({caveat})" : "")}, host pages {run.Backing}, {run.Capture}{(run.Complete ? "" : ", INCOMPLETE")}");
                break;
            case ".queries":
                Queries(argument);
                break;
            case ".mode":
                if (argument is null)
                    console.Out.WriteLine(_mode);
                else
                    _mode = ResultFormat.Find(argument)?.Name ?? throw new UsageException($".mode {argument}: {DidYouMean.Choose(argument, ResultFormat.All.Select(format => format.Name))}");
                break;
            case ".wide":
                _isWide = IsOn(words[0], argument);
                break;
            case ".timer":
                _isTimed = IsOn(words[0], argument);
                break;
            case ".limit":
                _rows = argument is null ? _rows : long.TryParse(argument, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) ? rows : throw new UsageException($".limit {argument}: a number of rows, 0 for all.");
                console.Out.WriteLine(_rows);
                break;
            case ".timeout":
                _seconds = argument is null ? _seconds : double.TryParse(argument, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds) && seconds <= 1e6 ? seconds : throw new UsageException($".timeout {argument}: seconds, 0 for none.");
                console.Out.WriteLine(_seconds.ToString(CultureInfo.InvariantCulture));
                break;
            case ".read":
                Read(argument ?? throw new UsageException(".read FILE: name a file."), stop);
                break;
            case ".quit" or ".exit":
                _isOver = true;
                break;
            default:
                throw new UsageException($"there is no command {words[0]}.{DidYouMean.Ask(words[0], Commands.Select(command => command.Name), "'.help' lists them.")}");
        }
    }

    private void Queries(string? name)
    {
        if (name is not null)
        {
            console.Out.Write(CannedQueries.Find(name).Sql);
            return;
        }

        var lines = console.Lines(_isWide);
        foreach (var query in CannedQueries.All)
            lines.WriteLine($"@{query.Name,-20} {query.Title}{string.Concat(query.Parameters.Select(parameter => parameter.Default is null ? $" {parameter.Name}=..." : $" [{parameter.Name}]"))}");
    }

    private void Read(string path, CancellationToken stop)
    {
        if (!File.Exists(path))
            throw new InputMissingException($"{path}: no such file.");
        foreach (var line in File.ReadLines(path))
        {
            if (line.TrimStart().StartsWith(".read", StringComparison.Ordinal))
                throw new UsageException($"{path}: a file that is read reads no other.");
            Take(line, stop);
        }
    }

    private static bool IsOn(string name, string? text) => text switch
    {
        "on" => true,
        "off" => false,
        _ => throw new UsageException($"{name}: on or off."),
    };
}
