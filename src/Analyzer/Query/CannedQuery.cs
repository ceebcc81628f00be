using System.Globalization;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Analyzer.Query;

/// <summary>A query that comes with the tool: <c>replay query X.db @name -p key=value</c>.</summary>
/// <param name="Name">The name behind the @.</param>
/// <param name="Title">A few words.</param>
/// <param name="Description">What it answers.</param>
/// <param name="Parameters">Its parameters in order.</param>
/// <param name="Sql">The whole file.</param>
/// <param name="Needs">Facts (of the view <c>capability</c>) without which it has no rows.</param>
/// <param name="WhenEmpty">Why it may have no rows: the first reason that holds is told.</param>
/// <param name="Answer">Columns that answer, the most important first: what a terminal without room for all shows.</param>
public sealed record CannedQuery(
    string Name,
    string Title,
    string Description,
    IReadOnlyList<CannedParameter> Parameters,
    string Sql,
    IReadOnlyList<string> Needs,
    IReadOnlyList<EmptyReason> WhenEmpty,
    IReadOnlyList<string> Answer)
{
    /// <summary>Default of a run: the first run or, where that is a trace's, the companion that fills it in.</summary>
    public const string FirstRun = "first";

    /// <summary>Default of a run: all of them, told apart by the column <c>run</c>.</summary>
    public const string EveryRun = "every";

    /// <summary>Which run a query is asked of, in one place for all.</summary>
    public const string RunRule =
        "A query whose answer has a column 'run' is of every run, any other of the first run or, where that is a trace's, of its companion, which has every write. -p run=NAME or NUMBER asks another; 'first' and 'every' can be said, too.";

    private const string FirstRunSql =
        "(SELECT coalesce((SELECT min(t.run) FROM trace_of AS t WHERE t.trace_run = r.run AND t.run <> r.run AND r.mode = 'observed'), r.run) FROM run AS r ORDER BY r.run LIMIT 1)";

    /// <summary>It asks for what a folder of Parquet does not have: the clock of a trace, the guest's CR3, which run is held against which.</summary>
    public bool NeedsDatabase => Sql.Contains("trace_of", StringComparison.Ordinal);

    /// <summary>The values of all parameters.</summary>
    /// <exception cref="QueryException">One is unknown, missing, or of the wrong type.</exception>
    internal Dictionary<string, SqlValue> Bind(IReadOnlyDictionary<string, string> arguments, QueryRunner runner, Database database) => Bind(
        arguments,
        (sql, values) => runner.Execute(sql, values),
        FirstRunSql,
        text => database.FindRun(text)?.Run
            ?? throw new QueryException($"{database.Path}: has no run {text}. It has {string.Join(", ", database.Runs.Select(r => $"{r.Run} ({r.Name})"))}.{DidYouMean.Ask(text, database.Runs.Select(r => r.Name))}"));

    /// <summary>The values of all parameters.</summary>
    /// <param name="arguments">Those that were given.</param>
    /// <param name="execute">Runs the SQL of a default.</param>
    /// <param name="firstRun">SQL of the run that is meant where none is said.</param>
    /// <param name="findRun">The number of a run.</param>
    /// <exception cref="QueryException">One is unknown, missing, or of the wrong type.</exception>
    internal Dictionary<string, SqlValue> Bind(
        IReadOnlyDictionary<string, string> arguments, Func<string, IReadOnlyDictionary<string, SqlValue>, IQueryExecution> execute, string firstRun, Func<string, long> findRun)
    {
        foreach (var name in arguments.Keys)
        {
            if (!Parameters.Any(parameter => parameter.Name == name))
                throw new QueryException($"@{Name} has no parameter {name}. {Usage()}{DidYouMean.Ask(name, Parameters.Select(parameter => parameter.Name))}");
        }

        var values = new Dictionary<string, SqlValue>(StringComparer.Ordinal);
        foreach (var parameter in Parameters)
        {
            var isGiven = arguments.TryGetValue(parameter.Name, out var text);
            if (parameter.Type == CannedParameterType.Run && (isGiven ? text : parameter.Default) is FirstRun)
                values[parameter.Name] = Evaluate(firstRun, values, execute);
            else if (parameter is { Type: CannedParameterType.Run, Default: EveryRun } && (!isGiven || text == EveryRun))
                values[parameter.Name] = SqlValue.Null;
            else if (isGiven)
                values[parameter.Name] = Parse(parameter, text!, findRun);
            else if (parameter.Default is not null)
                values[parameter.Name] = Evaluate(parameter.Default, values, execute);
            else
                throw new QueryException($"@{Name} needs -p {parameter.Name}=VALUE: {parameter.Description}");
        }

        return values;
    }

    /// <summary>A default may refer to the parameters before it.</summary>
    private static SqlValue Evaluate(string expression, Dictionary<string, SqlValue> earlier, Func<string, IReadOnlyDictionary<string, SqlValue>, IQueryExecution> execute)
    {
        var used = earlier.Where(pair => expression.Contains(":" + pair.Key, StringComparison.Ordinal)).ToDictionary();
        using var execution = execute($"SELECT {expression}", used);
        return execution.NextResult() && execution.Read() ? execution[0] : SqlValue.Null;
    }

    private SqlValue Parse(CannedParameter parameter, string text, Func<string, long> findRun)
    {
        switch (parameter.Type)
        {
            case CannedParameterType.Text:
                return SqlValue.Of(text);
            case CannedParameterType.Run:
                return SqlValue.Of(findRun(text));
            default:
                return SqlValue.Of(ParseInteger(parameter, text));
        }
    }

    private long ParseInteger(CannedParameter parameter, string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            if (ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
                return unchecked((long)bits);
        }
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        throw new QueryException($"@{Name}: {parameter.Name} takes a decimal or 0x hexadecimal number, not '{text}'.");
    }

    private string Usage() => Parameters.Count == 0
        ? "It takes none."
        : $"It takes {string.Join(", ", Parameters.Select(parameter => parameter.Name))}.";
}

/// <summary>A parameter of a canned query.</summary>
/// <param name="Name">Its name, <c>:name</c> in the SQL.</param>
/// <param name="Type">What it takes.</param>
/// <param name="Default">SQL expression of its default, of a run <see cref="CannedQuery.FirstRun"/> or <see cref="CannedQuery.EveryRun"/>; null: it must be given.</param>
/// <param name="Description">One sentence.</param>
public sealed record CannedParameter(string Name, CannedParameterType Type, string? Default, string Description);

/// <summary>What a canned query's parameter takes.</summary>
public enum CannedParameterType
{
    /// <summary>A decimal or <c>0x</c> hexadecimal number.</summary>
    Integer,

    Text,

    /// <summary>A run, by number or name.</summary>
    Run,
}
