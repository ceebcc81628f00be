namespace Replay.Analyzer.Query;

/// <summary>What a piece of SQL is.</summary>
internal enum SqlTokenKind
{
    /// <summary>White space or a comment.</summary>
    Space,

    /// <summary>A name or a word of SQL.</summary>
    Word,

    Number,

    /// <summary>Text in single quotes, or a name in other quotes.</summary>
    Quoted,

    /// <summary><c>:name</c>.</summary>
    Parameter,

    /// <summary>Anything else, a character each.</summary>
    Sign,
}

/// <summary>A piece of SQL.</summary>
internal readonly record struct SqlToken(SqlTokenKind Kind, string Text)
{
    public bool Is(string word) => Kind is SqlTokenKind.Word or SqlTokenKind.Sign && Text.Equals(word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Cuts SQL into its pieces. Together they are the SQL again, character by character.</summary>
internal static class SqlTokens
{
    public static List<SqlToken> Of(string sql)
    {
        var tokens = new List<SqlToken>();
        for (var at = 0; at < sql.Length;)
        {
            var (kind, length) = Next(sql.AsSpan(at));
            tokens.Add(new SqlToken(kind, sql.Substring(at, length)));
            at += length;
        }

        return tokens;
    }

    /// <summary>All names in it, in lower case.</summary>
    public static HashSet<string> Words(string sql) =>
        [.. Of(sql).Where(token => token.Kind is SqlTokenKind.Word or SqlTokenKind.Quoted).Select(token => token.Text.Trim('"', '`', '[', ']').ToLowerInvariant())];

    private static (SqlTokenKind Kind, int Length) Next(ReadOnlySpan<char> rest)
    {
        var first = rest[0];
        if (char.IsWhiteSpace(first))
            return (SqlTokenKind.Space, Length(rest, char.IsWhiteSpace));
        if (rest.StartsWith("--"))
            return (SqlTokenKind.Space, rest.IndexOf('\n') is >= 0 and var end ? end : rest.Length);
        if (rest.StartsWith("/*"))
            return (SqlTokenKind.Space, rest[2..].IndexOf("*/") is >= 0 and var end ? end + 4 : rest.Length);
        if (first is '\'' or '"' or '`')
            return (SqlTokenKind.Quoted, QuotedLength(rest, first));
        if (first is ':' && rest.Length > 1 && IsNameStart(rest[1]))
            return (SqlTokenKind.Parameter, 1 + Length(rest[1..], IsName));
        if (IsNameStart(first))
            return (SqlTokenKind.Word, Length(rest, IsName));
        return char.IsAsciiDigit(first) ? (SqlTokenKind.Number, Length(rest, c => IsName(c) || c == '.')) : (SqlTokenKind.Sign, 1);
    }

    private static bool IsNameStart(char c) => char.IsLetter(c) || c == '_';

    private static bool IsName(char c) => char.IsLetterOrDigit(c) || c == '_';

    private static int Length(ReadOnlySpan<char> text, Func<char, bool> belongs)
    {
        var length = 0;
        while (length < text.Length && belongs(text[length]))
            length++;
        return length;
    }

    /// <summary>A doubled quote stands for itself.</summary>
    private static int QuotedLength(ReadOnlySpan<char> text, char quote)
    {
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] != quote)
                continue;
            if (i + 1 < text.Length && text[i + 1] == quote)
                i++;
            else
                return i + 1;
        }

        return text.Length;
    }
}
