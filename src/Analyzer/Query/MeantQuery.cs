using System.Globalization;
using System.Text;
using Replay.Analyzer.Schema;
using Replay.Analyzer.Store;
using Replay.Trace;

namespace Replay.Analyzer.Query;

/// <summary>SQL of a user's as it was meant: a run called by its name is that run, and ids are joined within each run.</summary>
/// <remarks>
/// <code>
/// run = 'ept', run = ept                        run = 1
/// JOIN fault USING (fault_id)                   JOIN fault USING (run, fault_id)
/// ON w.fault_id = f.fault_id                    ON w.run = f.run AND w.fault_id = f.fault_id
/// fault_id IN (SELECT fault_id FROM fault ...)  (run, fault_id) IN (SELECT run, fault_id FROM fault ...)
/// </code>
/// A join that names the run of both sides is left as it is: it sets runs side by side.
/// </remarks>
/// <param name="Sql">What to run.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="Notes">What was understood, a line each.</param>
public sealed record MeantQuery(string Sql, IReadOnlyDictionary<string, SqlValue> Parameters, IReadOnlyList<string> Notes)
{
    /// <summary>Ids and places that every run counts anew.</summary>
    internal static readonly HashSet<string> CountedAnew = new(["fault_id", "exit_id", "table_id", "child_id", "chain_id", "ordinal", "seq", "end_seq"], StringComparer.OrdinalIgnoreCase);

    /// <summary>Of a database.</summary>
    /// <exception cref="QueryException">It compares a run with a name that no run has, or is the name of a canned query.</exception>
    public static MeantQuery Of(string sql, Database database, IReadOnlyDictionary<string, SqlValue>? parameters = null)
    {
        ArgumentNullException.ThrowIfNull(database);
        return Of(sql, () => [.. database.Runs.Select(run => (run.Run, run.Name))], parameters);
    }

    /// <summary>Of whatever has runs with names.</summary>
    /// <param name="sql">What the user wrote.</param>
    /// <param name="runs">The runs; asked only where the SQL names one.</param>
    /// <param name="parameters">Values by name.</param>
    /// <exception cref="QueryException">It compares a run with a name that no run has, or is the name of a canned query.</exception>
    internal static MeantQuery Of(string sql, Func<IReadOnlyList<(long Run, string Name)>> runs, IReadOnlyDictionary<string, SqlValue>? parameters = null)
    {
        CannedQueries.RefuseName(sql);
        var values = new Dictionary<string, SqlValue>(parameters ?? new Dictionary<string, SqlValue>(), StringComparer.Ordinal);
        var notes = new List<string>();
        var joins = new List<string>();
        var meant = new StringBuilder(sql.Length);
        var tokens = SqlTokens.Of(sql);
        for (var from = 0; from < tokens.Count;)
        {
            var end = tokens.FindIndex(from, token => token.Is(";"));
            var statement = new Statement(tokens.GetRange(from, (end < 0 ? tokens.Count : end + 1) - from), runs, values, notes, joins);
            meant.Append(statement.Meant());
            from = end < 0 ? tokens.Count : end + 1;
        }

        // In a single run, it is the same with and without.
        if (joins.Count > 0 && runs().Count > 1)
            notes.Add($"joined within each run, which counts anew: {string.Join(", ", joins.Distinct())}. To set two runs side by side, say which: a.run = 1 AND b.run = 2.");
        return new MeantQuery(meant.ToString(), values, [.. notes.Distinct()]);
    }

    private sealed class Statement
    {
        /// <summary>Of a name without quotes, such as <c>ept-tdp</c>.</summary>
        private const int MostWords = 15;

        private static readonly HashSet<string> Columns = new(ViewDefinition.All.SelectMany(view => view.Columns).Select(column => column.Name), StringComparer.OrdinalIgnoreCase);

        private readonly List<SqlToken> _tokens;
        private readonly int[] _places;
        private readonly string[] _before;
        private readonly SqlSources _sql;
        private readonly Func<IReadOnlyList<(long Run, string Name)>> _runs;
        private readonly Dictionary<string, SqlValue> _parameters;
        private readonly List<string> _notes;
        private readonly List<string> _joins;

        public Statement(List<SqlToken> tokens, Func<IReadOnlyList<(long Run, string Name)>> runs, Dictionary<string, SqlValue> parameters, List<string> notes, List<string> joins)
        {
            _joins = joins;
            _tokens = tokens;
            _runs = runs;
            _parameters = parameters;
            _notes = notes;
            _places = [.. Enumerable.Range(0, tokens.Count).Where(i => tokens[i].Kind != SqlTokenKind.Space)];
            _before = new string[_places.Length];
            _sql = new SqlSources([.. _places.Select(place => tokens[place])]);
        }

        public string Meant()
        {
            NameRuns();
            for (var i = 0; i < _sql.Count; i++)
            {
                if (_sql.Is(i, "USING") && _sql.Is(i + 1, "("))
                    JoinUsing(i);
                else if (_sql.Is(i, "IN") && _sql.Is(i + 1, "(") && _sql.Is(i + 2, "SELECT"))
                    JoinMembers(i);
                else if (_sql.IsAny(i, "ON", "AND", "OR", "WHERE", "HAVING", "("))
                    JoinColumns(i + 1);
            }

            var meant = new StringBuilder();
            for (int token = 0, word = 0; token < _tokens.Count; token++)
            {
                if (word < _places.Length && _places[word] == token)
                    meant.Append(_before[word++]);
                meant.Append(_tokens[token].Text);
            }

            return meant.ToString();
        }

        private void NameRuns()
        {
            for (var i = 1; i < _sql.Count; i++)
            {
                // A column that the statement itself calls run may hold names.
                if (_sql.Is(i, "run") && _sql.Is(i - 1, "AS"))
                    return;
            }

            for (var i = 0; i < _sql.Count; i++)
            {
                if (!_sql.Is(i, "run") || _sql.IsAny(i + 1, ".", "("))
                    continue;
                var start = _sql.Is(i - 1, ".") ? i - 2 : i;
                if (_sql.Is(start - 1, "=") && !_sql.IsAny(start - 2, "<", ">", "!"))
                    Name(_sql.Is(start - 2, "=") ? start - 3 : start - 2);
                var next = i + 1;
                if (_sql.Is(next, "=") || _sql.IsAny(next, "<", "!") && _sql.IsAny(next + 1, ">", "="))
                    Name(_sql.IsAny(next + 1, "=", ">") ? next + 2 : next + 1, next);
                else if (_sql.Is(next, "IS"))
                    Name(_sql.Is(next + 1, "NOT") ? next + 2 : next + 1, next);
                else if (_sql.Is(_sql.Is(next, "NOT") ? ++next : next, "IN") && _sql.Is(next + 1, "("))
                    NameAll(next + 2, _sql.Close(next + 1));
            }
        }

        private void NameAll(int from, int to)
        {
            for (var i = from; i < to && !_sql.Is(i, "SELECT"); i++)
                Name(i, isList: true);
        }

        /// <summary>The value that a run is compared with: of a name, its number.</summary>
        /// <param name="at">Where the value stands.</param>
        /// <param name="comparison">Where the comparison begins, for a name that several runs have.</param>
        /// <param name="isList">It is one of a list.</param>
        private void Name(int at, int comparison = -1, bool isList = false)
        {
            if (_sql.Kind(at) == SqlTokenKind.Parameter)
            {
                var parameter = _sql.Text(at)[1..];
                if (_parameters.TryGetValue(parameter, out var value) && value.Kind == SqlValueKind.Text && Numbers(value.ToString()) is [var number])
                    _parameters[parameter] = SqlValue.Of(number);
                return;
            }

            if (_sql.Is(at + 1, "."))
                return;
            var (name, length) = Named(at);
            if (length == 0)
                return;
            var numbers = Numbers(name);
            for (var i = at + 1; numbers.Count > 0 && i < at + length; i++)
                Replace(i, "");
            var list = string.Join(", ", numbers);
            if (numbers.Count == 1 || isList && numbers.Count > 0)
            {
                Replace(at, list);
            }
            else if (numbers.Count > 1 && comparison >= 0)
            {
                var isOther = _sql.IsAny(comparison, "<", "!") || _sql.Is(comparison + 1, "NOT");
                for (var i = comparison; i < at; i++)
                    Replace(i, i > comparison ? "" : isOther ? " NOT IN " : " IN ");
                Replace(at, $"({list})");
            }
        }

        /// <summary>A name in quotes; one without them, however many words that are, where a run has it and no view a column of it.</summary>
        private (string Name, int Length) Named(int at)
        {
            var text = _sql.Text(at);
            if (_sql.Kind(at) == SqlTokenKind.Quoted && text.Length >= 2)
                return (text[1..^1].Replace(text[..1] + text[..1], text[..1], StringComparison.Ordinal), 1);
            if (_sql.Kind(at) != SqlTokenKind.Word || Columns.Contains(text))
                return ("", 0);
            var found = ("", 0);
            for (var i = at; i < _places.Length && i - at < MostWords && _places[i] - _places[at] == i - at; i++)
            {
                var name = string.Concat(Enumerable.Range(at, i - at + 1).Select(_sql.Text));
                if (_runs().Any(run => run.Name == name))
                    found = (name, i - at + 1);
            }

            return found;
        }

        private List<long> Numbers(string name)
        {
            if (long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
                return [];
            var all = _runs();
            var numbers = all.Where(run => run.Name == name).Select(run => run.Run).ToList();
            if (numbers.Count > 0)
                _notes.Add($"run '{name}' is {(numbers.Count == 1 ? "run" : "runs")} {string.Join(", ", numbers)}.");
            else if (_sql.AreViews && all.Count > 0)
                throw new QueryException($"there is no run '{name}', but {string.Join(", ", all.Take(20).Select(run => $"{run.Run} ({run.Name})"))}{(all.Count > 20 ? ", ..." : "")}.{DidYouMean.Ask(name, all.Select(run => run.Name))}");
            return numbers;
        }

        private void JoinUsing(int at)
        {
            var close = _sql.Close(at + 1);
            var columns = Enumerable.Range(at + 2, Math.Max(0, close - at - 2)).Select(_sql.Name).ToList();
            if (columns.Contains("run", StringComparer.OrdinalIgnoreCase) || !columns.Exists(CountedAnew.Contains))
                return;
            var sources = _sql.At(at);
            if (sources.Count < 2 || !sources[^1].HasRun || !sources.SkipLast(1).Any(source => source.HasRun) || sources.SkipLast(1).Any(source => _sql.AreToldApart(source.Alias, sources[^1].Alias)))
                return;
            Insert(at + 2, "run, ");
            _joins.Add($"USING (run, {string.Join(' ', columns).Replace(" ,", ",", StringComparison.Ordinal)})");
        }

        /// <summary>A comparison of two columns, where it begins a condition.</summary>
        private void JoinColumns(int at)
        {
            var next = at;
            if (Column(ref next) is not { } left)
                return;
            var operatorAt = next;
            while (_sql.IsAny(next, "=", "<", ">"))
                next++;
            if (operatorAt == next && !_sql.IsAny(next++, "IS", "BETWEEN"))
                return;
            if (Column(ref next) is not { } right || left == right || !_sql.HasRun(left) || !_sql.HasRun(right) || _sql.AreToldApart(left, right))
                return;
            Insert(at, $"{left}.run = {right}.run AND ");
            _joins.Add($"{left}.run = {right}.run");
        }

        /// <summary>The source of a column that every run counts anew, whose name stands here; null: none stands here, or it is not known.</summary>
        private string? Column(ref int at)
        {
            if (_sql.Is(at + 1, ".") && CountedAnew.Contains(_sql.Name(at + 2)))
            {
                var alias = _sql.Text(at);
                at += 3;
                return alias;
            }

            return CountedAnew.Contains(_sql.Name(at)) && _sql.Kind(at) == SqlTokenKind.Word && _sql.At(at++) is [var only] ? only.Alias : null;
        }

        /// <summary><c>id IN (SELECT id FROM view ...)</c>.</summary>
        private void JoinMembers(int at)
        {
            var close = _sql.Close(at + 1);
            var left = _sql.Is(at - 1, "NOT") ? at - 2 : at - 1;
            if (!CountedAnew.Contains(_sql.Name(left)))
                return;
            var start = _sql.Is(left - 1, ".") ? left - 2 : left;
            var alias = start < left ? _sql.Text(start) : _sql.At(left) is [{ } only] ? only.Alias : "";
            var inner = _sql.Is(at + 3, "DISTINCT") ? at + 4 : at + 3;
            var column = _sql.Is(inner + 1, ".") ? inner + 2 : inner;
            if (!_sql.HasRun(alias) || !CountedAnew.Contains(_sql.Name(column)) || !_sql.Is(column + 1, "FROM") || _sql.At(Math.Min(close, _sql.Count) - 1) is not [{ HasRun: true }])
                return;
            for (var i = column + 2; i < close; i++)
            {
                if (_sql.IsAny(i, "run", "GROUP", "UNION", "EXCEPT", "INTERSECT", "LIMIT", "SELECT"))
                    return;
            }

            var qualifier = column > inner ? _sql.Text(inner) + "." : "";
            Insert(start, $"({alias}.run, ");
            Insert(_sql.Is(at - 1, "NOT") ? at - 1 : at, ") ");
            Insert(inner, $"{qualifier}run, ");
            _joins.Add($"(run, {_sql.Name(left)}) IN (SELECT run, {_sql.Name(column)} ...)");
        }

        private void Insert(int at, string text) => _before[at] = text + _before[at];

        private void Replace(int at, string text) => _tokens[_places[at]] = _tokens[_places[at]] with { Text = text };
    }
}
