using Replay.Analyzer.Query;

namespace Replay.Explorer.Data;

/// <summary>The table pages of a run, read once: which of them were there after an event, and which were roots.</summary>
internal sealed class RunTables
{
    private const string Pages =
        """
        SELECT table_id, level, gfn, gfn_hex, hpa_hex, direct, guest_mode, smm, created_ordinal, zapped_ordinal, freed_ordinal FROM table_page WHERE run = :run ORDER BY table_id
        """;

    private const string Roots = "SELECT table_id, min(ordinal) FROM root_change WHERE run = :run AND table_id IS NOT NULL GROUP BY table_id";

    private readonly Dictionary<long, Page> _pages;
    private readonly List<Page> _roots;

    private RunTables(List<Page> pages, Dictionary<long, long> roots)
    {
        _pages = pages.ToDictionary(page => page.Id);
        _roots = [.. pages.Where(page => roots.ContainsKey(page.Id)).Select(page => page with { RootSince = roots[page.Id] })];
    }

    /// <summary>Of a run.</summary>
    public static RunTables Of(Shelf shelf, RunSession run) => shelf.Once($"pages|{run.Identity}", () => new RunTables(
        run.Session.Read(Pages, Read, ("run", run.Number)),
        run.Session.Read(Roots, row => (Table: row[0].Integer, Since: row[1].Integer), ("run", run.Number)).ToDictionary(root => root.Table, root => root.Since)));

    public Page? Find(long table) => _pages.GetValueOrDefault(table);

    /// <summary>Tables that had been a root up to an event, and were not freed.</summary>
    public IEnumerable<Page> RootsAt(long at) => _roots.Where(root => root.RootSince <= at && root.Created <= at && (root.Freed is not { } freed || freed > at));

    /// <summary>The frames of the guest's tables that tables of KVM's shadow.</summary>
    public IEnumerable<long> Shadowed(long at) => _pages.Values
        .Where(page => page is { Direct: false, Gfn: not null } && page.Created <= at && (page.Zapped is not { } zapped || zapped > at)).Select(page => page.Gfn!.Value).Distinct();

    private static Page Read(IQueryRows row) => new(
        row[0].Integer, (int)row[1].Integer, Number(row[2]), Text(row[3]), Text(row[4]), row[5].Integer != 0, row[6].Integer == 1, row[7].Integer == 1, row[8].Integer, Number(row[9]), Number(row[10]));

    private static long? Number(SqlValue value) => value.Kind == SqlValueKind.Null ? null : value.Integer;

    private static string? Text(SqlValue value) => value.Kind == SqlValueKind.Null ? null : value.ToString();

    /// <summary>A table page: the columns of the view <c>table_page</c>.</summary>
    public sealed record Page(long Id, int Level, long? Gfn, string? GfnHex, string? HpaHex, bool Direct, bool GuestMode, bool Smm, long Created, long? Zapped, long? Freed)
    {
        /// <summary>The event that made it a root first.</summary>
        public long RootSince { get; init; }

        public bool IsThere(long at) => Created <= at && (Zapped is not { } zapped || zapped > at) && (Freed is not { } freed || freed > at);
    }
}
