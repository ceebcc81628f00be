using System.Globalization;
using System.Text;

namespace Replay.Analyzer.Query.Folders;

/// <summary>
/// SQL as SQLite takes it, said as DuckDB means the same by it. What can be written so that both take it, is; here is the rest, so that there is
/// one copy of every view and query.
/// </summary>
/// <remarks>
/// <code>
/// 0x10          16          signed, as SQLite has it
/// :name         $name
/// LIKE          ILIKE       SQLite's does not tell capitals from small letters
/// char(10)      chr(10)
/// AS INTEGER    AS BIGINT   SQLite's integers have 64 bits
/// </code>
/// Division of integers and the place of NULLs in an order are settings: see <see cref="Settings"/>.
/// </remarks>
public static class DuckDbSql
{
    /// <summary>What makes DuckDB divide integers and put NULLs first as SQLite does.</summary>
    public static IReadOnlyList<string> Settings { get; } = ["SET integer_division = true", "SET default_null_order = 'nulls_first_on_asc_last_on_desc'"];

    /// <summary>One statement or several.</summary>
    public static string Of(string sql)
    {
        var said = new StringBuilder(sql.Length);
        var tokens = SqlTokens.Of(sql);
        for (var i = 0; i < tokens.Count; i++)
            said.Append(Of(tokens, i));
        return said.ToString();
    }

    /// <summary>The statements of a text, one by one.</summary>
    public static IEnumerable<string> Statements(string sql)
    {
        var statement = new StringBuilder();
        var isEmpty = true;
        foreach (var token in SqlTokens.Of(sql))
        {
            if (!token.Is(";"))
            {
                statement.Append(token.Text);
                isEmpty &= token.Kind == SqlTokenKind.Space;
                continue;
            }

            if (!isEmpty)
                yield return statement.ToString();
            statement.Clear();
            isEmpty = true;
        }

        if (!isEmpty)
            yield return statement.ToString();
    }

    /// <summary>The names of parameters that a statement has.</summary>
    public static IReadOnlyList<string> Parameters(string sql) =>
        [.. SqlTokens.Of(sql).Where(token => token.Kind == SqlTokenKind.Parameter).Select(token => token.Text[1..]).Distinct()];

    /// <summary>Why a statement may not be run; null: it only reads.</summary>
    public static string? Refused(string statement)
    {
        var words = SqlTokens.Of(statement).Where(token => token.Kind is not SqlTokenKind.Space && token.Text != "(").Select(token => token.Text.ToUpperInvariant()).ToList();
        var at = 0;
        if (words.Count > 0 && words[0] == "EXPLAIN")
            at = words.Count > 1 && words[1] == "ANALYZE" ? 2 : 1;
        return words.ElementAtOrDefault(at) switch
        {
            "SELECT" or "WITH" or "FROM" or "VALUES" or "DESCRIBE" or "SHOW" or "SUMMARIZE" => null,
            "ATTACH" or "DETACH" => words[at],
            "BEGIN" or "COMMIT" or "ROLLBACK" => "transactions",
            "PRAGMA" => $"PRAGMA {words.ElementAtOrDefault(at + 1)?.ToLowerInvariant()}",
            "SET" or "RESET" or "INSTALL" or "LOAD" or "CALL" => words[at],
            _ => "statements that write",
        };
    }

    private static string Of(List<SqlToken> tokens, int i)
    {
        var token = tokens[i];
        return token.Kind switch
        {
            SqlTokenKind.Number when IsHexadecimal(token.Text, out var value) => value.ToString(CultureInfo.InvariantCulture),
            SqlTokenKind.Parameter => "$" + token.Text[1..],
            SqlTokenKind.Word when token.Is("LIKE") => "ILIKE",
            SqlTokenKind.Word when token.Is("char") && i + 1 < tokens.Count && tokens[i + 1].Is("(") => "chr",
            SqlTokenKind.Word when token.Is("INTEGER") && i > 1 && tokens[i - 2].Is("AS") => "BIGINT",
            _ => token.Text,
        };
    }

    private static bool IsHexadecimal(string text, out long value)
    {
        value = 0;
        if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) || !ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits))
            return false;
        value = unchecked((long)bits);
        return true;
    }
}
