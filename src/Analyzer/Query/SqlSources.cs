using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Query;

/// <summary>The words of one statement without what stands between them, and what its FROMs and JOINs name.</summary>
internal sealed class SqlSources
{
    private static readonly HashSet<string> NoAlias = new(
        ["ON", "USING", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "OUTER", "UNION", "EXCEPT", "INTERSECT", "WINDOW", "INDEXED", "NOT", "SELECT"],
        StringComparer.OrdinalIgnoreCase);

    private static readonly HashSet<string> ViewsOfRuns = new(
        ViewDefinition.All.Where(view => view.Columns.Any(column => column.Name == "run")).Select(view => view.Name), StringComparer.OrdinalIgnoreCase);

    private readonly List<SqlToken> _words;
    private readonly Select[] _selects;
    private readonly Dictionary<string, bool> _aliases = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _common = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _mentioned = new(StringComparer.OrdinalIgnoreCase);

    public SqlSources(List<SqlToken> words)
    {
        _words = words;
        _selects = new Select[words.Count];
        for (var i = 0; i < words.Count; i++)
        {
            if (IsCommonTable(i))
                _common.Add(words[i].Text);
        }

        Read();
        for (var i = 0; i < words.Count; i++)
        {
            if (!Is(i, "run"))
                continue;
            var start = Is(i - 1, ".") ? i - 2 : i;
            if (!IsAny(i + 1, "=", "<", ">", "!", "IS", "IN", "NOT", "BETWEEN") && !IsAny(start - 1, "=", "<", ">"))
                continue;
            if (start < i)
                _mentioned.Add(Name(start));
            else if (_selects[i].Sources is [{ HasRun: true } only])
                _mentioned.Add(only.Alias);
        }
    }

    /// <summary>Everything that is read is a view of ours: no subquery, no table of the statement's own, whose columns could mean anything.</summary>
    public bool AreViews { get; private set; } = true;

    public int Count => _words.Count;

    public string Text(int at) => at >= 0 && at < _words.Count ? _words[at].Text : "";

    public bool Is(int at, string word) => at >= 0 && at < _words.Count && _words[at].Is(word);

    public bool IsAny(int at, params ReadOnlySpan<string> words)
    {
        foreach (var word in words)
        {
            if (Is(at, word))
                return true;
        }

        return false;
    }

    public SqlTokenKind? Kind(int at) => at >= 0 && at < _words.Count ? _words[at].Kind : null;

    /// <summary>A name without its quotes.</summary>
    public string Name(int at) => Text(at).Trim('"', '`');

    /// <summary>It names a view whose rows belong to runs, wherever the statement says it.</summary>
    public bool HasRun(string alias) => _aliases.GetValueOrDefault(alias);

    /// <summary>The statement says by itself which runs these are: it compares the run of each.</summary>
    public bool AreToldApart(string left, string right) => _mentioned.Contains(left) && _mentioned.Contains(right);

    /// <summary>The sources of the SELECT that a word stands in, as far as they stand before it, with a run or not.</summary>
    public IReadOnlyList<(string Alias, bool HasRun)> At(int at) => _selects[at].Sources.FindAll(source => source.At < at).ConvertAll(source => (source.Alias, source.HasRun));

    /// <summary>Where the bracket is closed that is opened at <paramref name="open"/>; the end of the statement where it is not.</summary>
    public int Close(int open)
    {
        var depth = 0;
        for (var i = open; i < _words.Count; i++)
        {
            depth += Is(i, "(") ? 1 : Is(i, ")") ? -1 : 0;
            if (depth == 0)
                return i;
        }

        return _words.Count;
    }

    private bool IsCommonTable(int i)
    {
        if (Kind(i) != SqlTokenKind.Word || !IsAny(i - 1, "WITH", "RECURSIVE", ","))
            return false;
        var next = Is(i + 1, "(") ? Close(i + 1) + 1 : i + 1;
        if (!Is(next, "AS"))
            return false;
        next += Is(next + 1, "NOT") ? 3 : Is(next + 1, "MATERIALIZED") ? 2 : 1;
        return Is(next, "(");
    }

    private void Read()
    {
        var open = new Stack<Select>();
        var select = new Select();
        for (var i = 0; i < _words.Count; i++)
        {
            if (Is(i, "SELECT"))
                select = new Select();
            _selects[i] = select;
            if (Is(i, "("))
            {
                open.Push(select);
                select = new Select();
            }
            else if (Is(i, ")"))
            {
                select = open.Count > 0 ? open.Pop() : new Select();
                if (select.IsSourceNext)
                    i = Add(select, i, "", hasRun: false);
            }
            else if (IsAny(i, "FROM", "JOIN"))
            {
                select.IsSourceNext = select.IsInFrom = true;
            }
            else if (select.IsInFrom && Is(i, ","))
            {
                select.IsSourceNext = true;
            }
            else if (IsAny(i, "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT"))
            {
                select.IsInFrom = select.IsSourceNext = false;
            }
            else if (select.IsSourceNext && Kind(i) is SqlTokenKind.Word or SqlTokenKind.Quoted)
            {
                i = AddNamed(select, i);
            }
        }
    }

    private int AddNamed(Select select, int i)
    {
        if (Is(i + 1, ".") && i + 2 < Count)
            _selects[i += 2] = select;
        if (Is(i + 1, "("))
        {
            // A table that a function makes; its brackets are still to be read.
            AreViews = false;
            return i;
        }

        return Add(select, i, Name(i), ViewsOfRuns.Contains(Name(i)) && !_common.Contains(Name(i)));
    }

    /// <returns>The last word of the source.</returns>
    private int Add(Select select, int i, string name, bool hasRun)
    {
        select.IsSourceNext = false;
        var at = i;
        if (Is(i + 1, "AS"))
            i++;
        if (Kind(i + 1) is SqlTokenKind.Word or SqlTokenKind.Quoted && !NoAlias.Contains(Text(i + 1)))
            name = Name(++i);
        for (var k = at; k <= i; k++)
            _selects[k] = select;
        select.Sources.Add((at, name, hasRun));
        _aliases[name] = hasRun && _aliases.GetValueOrDefault(name, true);
        AreViews &= hasRun;
        return i;
    }

    private sealed class Select
    {
        public List<(int At, string Alias, bool HasRun)> Sources { get; } = [];

        public bool IsInFrom { get; set; }

        public bool IsSourceNext { get; set; }
    }
}
