using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Replay.Analyzer.Query;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Query.Formats;
using Replay.Analyzer.Store;
using Replay.Cli.Querying;
using Replay.Cli.Terminal;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>Asks a database.</summary>
internal sealed class QueryCommand : VerbCommand
{
    /// <summary>Nobody reads more, and a table is drawn when it is whole.</summary>
    internal const long RowsOnTerminal = 10_000;

    /// <summary>Likewise.</summary>
    internal const long BytesOnTerminal = 64 << 20;

    /// <summary>Longer than any canned query takes on a boot; a query that forgot to join is stopped before it is forgotten.</summary>
    internal const double DefaultSeconds = 60;

    private const int MostSeconds = 1_000_000;

    private static readonly JsonSerializerOptions ListJson = new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) }, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Argument<string?> _database = new("DB") { Description = "A database made by 'replay run', or a folder of histories made by 'replay run --to' or 'replay sweep', s3:// too (with DuckDB: see docs/sweep.md)", Arity = ArgumentArity.ZeroOrOne };
    private readonly Argument<string?> _sql = new("SQL") { Description = "SQL, or @NAME for a canned query; without it, SQL is read from stdin", HelpName = "SQL", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<FileInfo?> _file = new("--file", "-f") { Description = "Read the SQL from a file", HelpName = "FILE" };
    private readonly Option<string[]> _parameters = new("--param", "-p") { Description = $"Value of a :parameter; repeatable. {CannedQuery.RunRule}", HelpName = "KEY=VALUE" };
    private readonly Option<string?> _format = new("--format") { Description = "table, csv, json, jsonl, markdown or line (default: table on a terminal, csv otherwise)", HelpName = "FORMAT" };
    private readonly Option<string[]> _symbols = CommonOptions.Symbols();
    private readonly Option<bool> _json = CommonOptions.Json();
    private readonly Option<bool> _line = new("--line") { Description = "A field a line" };
    private readonly Option<bool> _wide = new("--wide") { Description = "Tables as wide as they are, not as the terminal" };
    private readonly Option<bool> _list = new("--list") { Description = "List the canned queries and their parameters" };
    private readonly Option<long?> _rows = new("--max-rows") { Description = "Stop after so many rows, and say so; 0: no limit (default: 10000 on a terminal, no limit otherwise)", HelpName = "N" };
    private readonly Option<long?> _bytes = new("--max-bytes") { Description = "Stop after so many bytes of values, and say so; 0: no limit (default: 64 MiB on a terminal, no limit otherwise)", HelpName = "N" };
    private readonly Option<double> _seconds = new("--timeout")
    {
        Description = "Stop after so many seconds, say so and return 130; 0: no limit (default 60)",
        HelpName = "SECONDS",
        DefaultValueFactory = _ => DefaultSeconds,
    };

    public QueryCommand()
        : base("query", "Run SQL, or a canned query, on a database. Read-only.")
    {
        Arguments.Add(_database);
        _sql.CompletionSources.Add([.. CannedQueries.All.Select(query => $"@{query.Name}")]);
        _format.TakesOneOf("table", "csv", "json", "jsonl", "markdown", "line");
        Arguments.Add(_sql);
        Options.Add(_file);
        Options.Add(_parameters);
        Options.Add(_format);
        Options.Add(_symbols);
        Options.Add(_json);
        Options.Add(_line);
        Options.Add(_wide);
        Options.Add(_list);
        Options.Add(_rows);
        Options.Add(_bytes);
        Options.Add(_seconds);
    }

    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("replay query --list", "the canned queries"),
        new("replay query boot.db @writes-by-level", "which functions wrote which level of which table"),
        new("replay query boot.db @faults-by-process --symbols System.map --symbols app@555555554000@CR3=2c3e000", "which functions of the guest fault, of its kernel and of one of its processes"),
        new("replay query boot.db \"select * from table_write order by seq limit 10\"", "the first ten writes"),
        new("replay query nested.db @nested-cost", "what a guest's own guests cost: exits handed on, tables made and zapped, entries written"),
        new("replay query histories @exits-by-reason", "of all runs of a folder of Parquet, with DuckDB"),
        new("replay query boot.db @writes-to-range -p from=0x1000000 -p to=0x1001000 --json", "who wrote this page, and what it changed"),
    ];

    protected override Task<int> RunAsync(ParseResult arguments, CliConsole console, CancellationToken cancellation)
    {
        if (arguments.GetValue(_list))
        {
            if (arguments.GetValue(_json))
                console.Out.WriteLine(JsonSerializer.Serialize(CannedQueries.All.Select(query => new { query.Name, query.Title, query.Description, query.Parameters }), ListJson));
            else
                List(console.Out, console.Width);
            return Task.FromResult(ExitCode.Done);
        }

        var path = arguments.GetValue(_database) ?? throw new UsageException("Name a database.");
        var format = Format(arguments, console);
        var parameters = Settings.Parse(arguments.GetValue(_parameters) ?? [], "--param");
        var limits = Limits(arguments, console);
        using var lastResort = new LastResort(console, limits.Time, what => console.Error.WriteLine($"replay query: {what}"), cancellation);
        if (FolderEngines.Folders(path) is { Count: > 0 } folders)
        {
            using var connection = FolderEngines.Load(path).Open(folders);
            var asked = new FolderRunner(connection, path);
            var question = Text(arguments, console);
            if (question.StartsWith('@'))
            {
                var known = CannedQueries.Find(question);
                using var canned = asked.Execute(known, parameters, limits, cancellation);
                return Task.FromResult(Write(canned, format.For(known), limits, console));
            }

            var meantOfFolder = asked.Meant(question, Values(parameters));
            Note(meantOfFolder, console);
            using var answer = asked.Execute(meantOfFolder.Sql, meantOfFolder.Parameters, limits, cancellation);
            return Task.FromResult(Write(answer, format, limits, console));
        }

        using var database = Database.OpenRead(Inputs.Database(path));
        foreach (var warning in database.Warnings)
            console.Error.WriteLine($"replay query: {warning}");
        var symbols = CommonOptions.ReadSymbols(arguments.GetValue(_symbols));
        var runner = new QueryRunner(database, symbols is null ? null : symbols.Function);
        var text = Text(arguments, console);
        if (text.StartsWith('@'))
        {
            var query = CannedQueries.Find(text);
            using var canned = runner.Execute(query, parameters, limits, cancellation);
            format = format.For(query);
            return Task.FromResult(Answer(canned, query.Sql, () => EmptyAnswer.Explain(query, parameters, runner, database)));
        }

        var meant = MeantQuery.Of(text, database, Values(parameters));
        using var execution = runner.Execute(meant.Sql, meant.Parameters, limits, cancellation);
        Note(meant, console);
        return Task.FromResult(Answer(execution, meant.Sql));

        int Answer(QueryExecution rows, string sql, Func<string>? explain = null)
        {
            foreach (var hint in QueryHints.For(sql, database).Concat(explain is null ? QueryHints.NotShown(sql, database) : []))
                console.Error.WriteLine($"replay query: {hint}");
            return Write(rows, format, limits, console, symbols, explain is null ? QueryHints.WhyEmpty(sql, database) : null, explain);
        }
    }

    private static void Note(MeantQuery meant, CliConsole console)
    {
        foreach (var note in meant.Notes)
            Prose.Write(console.Error, $"replay query: {note}", console.Width);
    }

    private static int Write(IQueryExecution execution, ResultFormat format, QueryLimits limits, CliConsole console, SymbolTable? symbols = null, string? whyEmpty = null, Func<string>? explain = null)
    {
        var isCutOff = false;
        var notes = AnswerNotes.OfCommand(console);
        format.WriteAll(execution, console.Out, result =>
        {
            notes.End(result, limits);
            notes.Fit(format, result, whyEmpty, explain);
            isCutOff |= result.End == QueryEnd.TimeLimit;
        }, symbols is null ? null : rows => new NamedRows(rows, symbols));
        return isCutOff ? ExitCode.Interrupted : ExitCode.Done;
    }

    private QueryLimits Limits(ParseResult arguments, CliConsole console)
    {
        var rows = arguments.GetValue(_rows) ?? (console.OutIsTerminal ? RowsOnTerminal : 0);
        var seconds = arguments.GetValue(_seconds);
        var bytes = arguments.GetValue(_bytes) ?? (console.OutIsTerminal ? BytesOnTerminal : 0);
        if (bytes < 0)
            throw new UsageException($"--max-bytes {bytes}: at least 1, or 0 for no limit.");
        if (rows < 0)
            throw new UsageException($"--max-rows {rows}: at least 1, or 0 for no limit.");
        if (seconds is not (>= 0 and <= MostSeconds))
            throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--timeout {seconds}: from 0, for no limit, to {MostSeconds} seconds."));
        return new QueryLimits { Rows = rows > 0 ? rows : null, Bytes = bytes > 0 ? bytes : null, Time = seconds > 0 ? TimeSpan.FromSeconds(seconds) : null };
    }

    private static Dictionary<string, SqlValue> Values(Dictionary<string, string> parameters) =>
        parameters.ToDictionary(pair => pair.Key, pair => SqlValue.Parse(pair.Value), StringComparer.Ordinal);

    private static void List(TextWriter output, int? width)
    {
        const int Indent = 4;
        var margin = new string(' ', Indent);
        Prose.Write(output, CannedQuery.RunRule, width);
        output.WriteLine();
        foreach (var query in CannedQueries.All)
        {
            Prose.Write(output, $"@{query.Name}  {query.Title}", width, indent: Indent);
            Prose.Write(output, query.Description.ReplaceLineEndings(" "), width, margin, Indent);
            foreach (var parameter in query.Parameters)
                Prose.Write(output, $"-p {parameter.Name}={parameter.Default ?? "..."}  {parameter.Description}", width, margin, Indent);
        }
    }

    private string Text(ParseResult arguments, CliConsole console)
    {
        if (arguments.GetValue(_file) is { } file)
            return file.Exists ? File.ReadAllText(file.FullName) : throw new InputMissingException($"{file}: no such file.");
        if (arguments.GetValue(_sql) is { } sql)
            return sql;
        if (console.InIsPiped)
            return console.In.ReadToEnd();
        throw new UsageException("No SQL given. Pass it as an argument, with -f FILE, or pipe it in; --list shows the canned queries.");
    }

    private ResultFormat Format(ParseResult arguments, CliConsole console)
    {
        var name = arguments.GetValue(_format) ?? (arguments.GetValue(_line) ? "line" : arguments.GetValue(_json) ? "json" : console.OutIsTerminal ? "table" : "csv");
        if (name == "table" && console.Width is { } width && !arguments.GetValue(_wide))
            return new TableFormat(width);
        return ResultFormat.Find(name)
            ?? throw new UsageException($"--format {name}: {DidYouMean.Choose(name, ResultFormat.All.Select(format => format.Name))}");
    }
}
