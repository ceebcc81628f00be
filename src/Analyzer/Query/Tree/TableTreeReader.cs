using Replay.Analyzer.Store;

namespace Replay.Analyzer.Query.Tree;

/// <summary>
/// Reads a run's tables as they were after an event. Every entry is found by one search of an index, so the time depends on the entries
/// read and not on the length of the history.
/// </summary>
public sealed class TableTreeReader
{
    private const string Entry =
        """
        SELECT w.idx, w.gfn, w.new, w.new_kind, w.new_rights, w.ordinal, w.seq, w.function, w.level
        FROM table_write AS w
        WHERE w.run = :run AND w.table_id = :table AND w.idx = :idx AND w.ordinal <= :ordinal
        ORDER BY w.ordinal DESC, w.seq DESC LIMIT 1
        """;

    private const string Entries =
        """
        WITH RECURSIVE entry (idx) AS (SELECT 0 UNION ALL SELECT idx + 1 FROM entry WHERE idx < 511)
        SELECT w.idx, w.gfn, w.new, w.new_kind, w.new_rights, w.ordinal, w.seq, w.function, w.level
        FROM entry
        JOIN table_write AS w ON w.run = :run AND w.table_id = :table AND w.idx = entry.idx
          AND (w.ordinal, w.seq) = (
            SELECT x.ordinal, x.seq FROM table_write AS x
            WHERE x.run = :run AND x.table_id = :table AND x.idx = entry.idx AND x.ordinal <= :ordinal
            ORDER BY x.ordinal DESC, x.seq DESC LIMIT 1)
        WHERE w.new NOT IN (0, -9223372036854775808)
        ORDER BY w.idx
        """;

    private const string Table = "SELECT table_id, level, gfn, hpa, direct, role, guest, mmu FROM table_page WHERE run = :run AND table_id = :table";

    // A page's memory is used again for others: the last one made there, if it was not freed yet.
    private const string TableInMemory =
        """
        SELECT table_id, level, gfn, hpa, direct, role, guest, mmu FROM table_page
        WHERE run = :run AND hpa = :hpa AND created_ordinal <= :ordinal AND (freed_ordinal IS NULL OR freed_ordinal > :ordinal)
        ORDER BY table_id DESC LIMIT 1
        """;

    private const string Root =
        """
        SELECT table_id, value, ordinal FROM root_change
        WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND operation IN ('allocate', 'load', 'fast_switch')
        ORDER BY ordinal DESC, seq DESC LIMIT 1
        """;

    private const string RootOfGuest =
        """
        SELECT table_id, value, ordinal FROM root_change
        WHERE run = :run AND vcpu = :vcpu AND ordinal <= :ordinal AND operation IN ('allocate', 'load', 'fast_switch') AND guest = :guest
        ORDER BY ordinal DESC, seq DESC LIMIT 1
        """;

    private const string HasGuestTables = "SELECT EXISTS (SELECT 1 FROM guest_entry WHERE run = :run)";

    private const string KnownSince =
        """
        SELECT value, ordinal FROM guest_entry
        WHERE run = :run AND gfn = :gfn AND idx IS NULL AND ordinal <= :ordinal
        ORDER BY ordinal DESC LIMIT 1
        """;

    private const string GuestEntries =
        """
        SELECT idx, value FROM guest_entry
        WHERE run = :run AND gfn = :gfn AND idx IS NOT NULL AND ordinal BETWEEN :since AND :ordinal
        ORDER BY idx, ordinal
        """;

    private const string AccessedAt =
        """
        SELECT gpa FROM access
        WHERE run = :run AND gva BETWEEN :gva & ~4095 AND :gva | 4095 AND ordinal <= :ordinal AND gpa IS NOT NULL
        ORDER BY ordinal DESC LIMIT 1
        """;

    private const string FirstAccess = "SELECT min(ordinal) FROM access WHERE run = :run AND gva BETWEEN :gva & ~4095 AND :gva | 4095 AND gpa IS NOT NULL";

    private const string GfnWritten = "SELECT gfn << 12 FROM table_write WHERE run = :run AND ordinal = :ordinal AND gfn IS NOT NULL ORDER BY level, seq LIMIT 1";

    private const string GvaAccessed =
        "SELECT coalesce((SELECT address FROM fault WHERE run = :run AND ordinal = :ordinal ORDER BY seq DESC LIMIT 1), gva) FROM access WHERE run = :run AND ordinal = :ordinal";

    private readonly QueryRunner _runner;
    private readonly CancellationToken _cancellation;
    private readonly SqlValue _run;
    private readonly SqlValue _ordinal;
    private readonly bool _hasGuestTables;

    /// <exception cref="QueryException">The run stores no whole tree.</exception>
    public TableTreeReader(QueryRunner runner, RunRow run, long ordinal, CancellationToken cancellation = default)
    {
        if (run.Detail != "all")
            throw new QueryException($"run {run.Run} ({run.Name}) stores detail '{run.Detail}': its tables cannot be put together. Run it again with --detail all.");
        if (run.RowsToOrdinal is { } last && ordinal > last)
            throw new QueryException($"run {run.Run} ({run.Name}) has rows up to ordinal {last} only (--max-rows). Give --at {last} or less.");
        _runner = runner;
        _cancellation = cancellation;
        _run = SqlValue.Of(run.Run);
        _ordinal = SqlValue.Of(ordinal);
        _hasGuestTables = One(HasGuestTables, row => row[0].Integer != 0, false, []);
    }

    /// <summary>The root of a vCPU; null: it had none yet.</summary>
    public TreeRoot? FindRoot(int vcpu) => One(Root, row => new TreeRoot(row[0].Integer, row[1].Kind == SqlValueKind.Null ? null : Bits(row[1]), row[2].Integer), ("vcpu", SqlValue.Of(vcpu)));

    /// <summary>The root that a vCPU had last for <c>L1</c> or <c>L2</c>; null: none yet.</summary>
    public TreeRoot? FindRoot(int vcpu, string guest) => One(
        RootOfGuest, row => new TreeRoot(row[0].Integer, row[1].Kind == SqlValueKind.Null ? null : Bits(row[1]), row[2].Integer), ("vcpu", SqlValue.Of(vcpu)), ("guest", SqlValue.Of(guest)));

    /// <summary>Where the last access of interest to the page of <paramref name="gva"/> found it: null, there was none.</summary>
    public ulong? LastGpaOf(ulong gva) =>
        One(AccessedAt, row => (ulong?)((Bits(row[0]) & ~4095UL) | (gva & 4095)), ("gva", SqlValue.Of(unchecked((long)gva))));

    /// <summary>The first event that tells where the page of <paramref name="gva"/> is; null: none does.</summary>
    public long? FirstAccessTo(ulong gva) => One(FirstAccess, row => row[0].Kind == SqlValueKind.Null ? (long?)null : row[0].Integer, ("gva", SqlValue.Of(unchecked((long)gva))), usesOrdinal: false);

    /// <summary>
    /// The address that the event was about, as the tables translate it: of direct tables the guest frame that it wrote an entry of, else the address
    /// that it faulted at or accessed. Null: none.
    /// </summary>
    public ulong? AddressOfEvent(bool isDirect) => One(isDirect ? GfnWritten : GvaAccessed, row => (ulong?)Bits(row[0]));

    /// <summary>A table and what it points at.</summary>
    /// <param name="table">Which.</param>
    /// <param name="depth">Levels to read, 1: this table alone.</param>
    /// <param name="links">Of each table only so many links are followed, the first ones.</param>
    public TreeTable ReadTable(long table, int depth, int links = int.MaxValue) => Fill(Describe(table), depth, links);

    /// <summary>An entry of a table, with what it points at left out; null: it is 0.</summary>
    public TreeEntry? ReadEntry(long table, int index) =>
        One(Entry, ReadEntry, ("table", SqlValue.Of(table)), ("idx", SqlValue.Of(index))) is { Value: not (0 or 1UL << 63) } entry ? entry : null;

    /// <summary>A table with the one entry that translates <paramref name="address"/>, and so on down to the page or to where the walk ends.</summary>
    public TreeTable ReadPath(long table, ulong address) => FillPath(Describe(table), address);

    private TreeTable Describe(long table) =>
        One(Table, ReadTable, ("table", SqlValue.Of(table)), usesOrdinal: false) ?? throw new QueryException($"the run has no table {table}.");

    private TreeTable Fill(TreeTable table, int depth, int links)
    {
        if (depth <= 0)
            return table;
        var entries = new List<TreeEntry>();
        using (var execution = Execute(Entries, true, ("table", SqlValue.Of(table.TableId))))
        {
            while (execution.Read())
                entries.Add(ReadEntry(execution));
        }

        var followed = 0;
        for (var i = 0; i < entries.Count && followed < links; i++)
        {
            if (Child(entries[i], table) is not { } child)
                continue;
            entries[i] = entries[i] with { Table = Fill(child, depth - 1, links) };
            followed++;
        }

        return table with { Entries = entries, Shadowed = Shadowed(table) };
    }

    private TreeTable FillPath(TreeTable table, ulong address)
    {
        var index = (int)(address >> ((9 * table.Level) + 3) & 511);
        var entry = One(Entry, ReadEntry, ("table", SqlValue.Of(table.TableId)), ("idx", SqlValue.Of(index)));
        entry ??= new TreeEntry(index, FirstGfn(table, address), 0, "none", null, null, null, null, null);
        if (Child(entry, table) is { } child)
            entry = entry with { Table = FillPath(child, address) };
        return table with { Entries = [entry], Shadowed = Shadowed(table) };
    }

    private static ulong FirstGfn(TreeTable table, ulong address) => address >> ((9 * table.Level) + 3) << (9 * (table.Level - 1));

    /// <summary>What the guest's table holds that a table shadows. Null: it shadows none, or the run keeps no guest's tables, having no nested guest.</summary>
    private GuestTable? Shadowed(TreeTable table)
    {
        if (table.Direct || !_hasGuestTables || table.Guest is null)
            return null;
        var name = table.Mmu == "guest_mmu" ? "NPT12" : table.Guest == "L2" ? "L2's" : "L1's";
        var gfn = ("gfn", SqlValue.Of(unchecked((long)table.Gfn)));
        var (isKnown, since) = One(KnownSince, row => (row[0].Integer != 0, row[1].Integer), gfn);
        if (!isKnown)
            return new GuestTable(name, table.Gfn, false, new Dictionary<int, ulong>());
        var words = new Dictionary<int, ulong>();
        using (var execution = Execute(GuestEntries, true, gfn, ("since", SqlValue.Of(since))))
        {
            while (execution.Read())
                words[(int)execution[0].Integer] = Bits(execution[1]);
        }

        var entries = new Dictionary<int, ulong>();
        for (var index = 0; index < 512; index++)
        {
            if (GuestTable.EntryOf(table, index, words) is not 0 and var value)
                entries[index] = value;
        }

        return new GuestTable(name, table.Gfn, true, entries);
    }

    private TreeTable? Child(TreeEntry entry, TreeTable parent)
    {
        if (!entry.IsLink)
            return null;
        var child = One(TableInMemory, ReadTable, ("hpa", SqlValue.Of(unchecked((long)(entry.Frame << 12)))));
        return child?.Level < parent.Level ? child : null;
    }

    private static TreeTable ReadTable(QueryExecution row) =>
        new(row[0].Integer, (int)row[1].Integer, Bits(row[2]), Bits(row[3]), row[4].Integer != 0, (uint)row[5].Integer, null)
        {
            Guest = row[6].Kind == SqlValueKind.Null ? null : row[6].ToString(),
            Mmu = row[7].Kind == SqlValueKind.Null ? null : row[7].ToString(),
        };

    private static TreeEntry ReadEntry(QueryExecution row) => new(
        (int)row[0].Integer,
        Bits(row[1]),
        Bits(row[2]),
        row[3].ToString(),
        row[4].Kind == SqlValueKind.Null ? null : row[4].ToString(),
        row[5].Integer,
        row[6].Integer,
        row[7].ToString(),
        null);

    private static ulong Bits(SqlValue value) => unchecked((ulong)value.Integer);

    private T? One<T>(string sql, Func<QueryExecution, T> read, params (string Name, SqlValue Value)[] parameters) => One(sql, read, true, parameters);

    private T? One<T>(string sql, Func<QueryExecution, T> read, (string Name, SqlValue Value) parameter, bool usesOrdinal) => One(sql, read, usesOrdinal, [parameter]);

    private T? One<T>(string sql, Func<QueryExecution, T> read, bool usesOrdinal, (string Name, SqlValue Value)[] parameters)
    {
        using var execution = Execute(sql, usesOrdinal, parameters);
        return execution.Read() ? read(execution) : default;
    }

    private QueryExecution Execute(string sql, bool usesOrdinal, params ReadOnlySpan<(string Name, SqlValue Value)> parameters)
    {
        var values = new Dictionary<string, SqlValue>(StringComparer.Ordinal) { ["run"] = _run };
        if (usesOrdinal)
            values["ordinal"] = _ordinal;
        foreach (var (name, value) in parameters)
            values[name] = value;
        var execution = _runner.ExecuteKept(sql, values, QueryLimits.None, _cancellation);
        execution.NextResult();
        return execution;
    }
}
