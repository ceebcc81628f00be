using SQLitePCL;

namespace Replay.Analyzer.Query;

/// <summary>
/// SQLite's authorizer for queries: they may read, call functions and look at the schema; nothing else. The connection is read-only
/// already; this also keeps a query from attaching other files and from changing settings.
/// </summary>
internal sealed class ReadOnlyGuard
{
    // Action codes of sqlite3_set_authorizer.
    private const int Pragma = 19;
    private const int Read = 20;
    private const int Select = 21;
    private const int Transaction = 22;
    private const int Attach = 24;
    private const int Detach = 25;
    private const int Function = 31;
    private const int Recursive = 33;

    private static readonly HashSet<string> HarmlessPragmas = new(StringComparer.OrdinalIgnoreCase)
    {
        "table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "database_list", "function_list", "collation_list",
        "compile_options", "foreign_key_list", "pragma_list",
    };

    private static readonly HashSet<string> ReadablePragmas = new(StringComparer.OrdinalIgnoreCase)
    {
        "application_id", "user_version", "schema_version", "page_count", "page_size", "encoding", "freelist_count", "journal_mode",
    };

    private static readonly HashSet<string> DeniedFunctions = new(StringComparer.OrdinalIgnoreCase) { "load_extension", "fts3_tokenizer" };

    /// <summary>What the last refusal was about, in words; null: nothing was refused.</summary>
    public string? Refused { get; private set; }

    public void Install(sqlite3 database) => raw.sqlite3_set_authorizer(database, Authorize, null);

    public void Forget() => Refused = null;

    private int Authorize(object user, int action, string? first, string? second, string? database, string? inner)
    {
        var refusal = action switch
        {
            Read or Select or Recursive => null,
            Function => second is not null && DeniedFunctions.Contains(second) ? $"the function {second}" : null,
            Pragma => IsHarmless(first, second) ? null : $"PRAGMA {first}",
            Attach => "ATTACH",
            Detach => "DETACH",
            Transaction => "transactions",
            _ => "statements that write",
        };
        if (refusal is null)
            return raw.SQLITE_OK;
        Refused = refusal;
        return raw.SQLITE_DENY;
    }

    private static bool IsHarmless(string? pragma, string? argument) =>
        pragma is not null && (HarmlessPragmas.Contains(pragma) || (argument is null && ReadablePragmas.Contains(pragma)));
}
