using Dapper;

namespace Replay.Analyzer.Diff;

/// <summary>One guest's share of two runs.</summary>
/// <param name="Guest"><c>L1</c>: the guest itself; <c>L2</c>: a guest that it runs; <c>host</c>: what the host did on its own behalf.</param>
/// <param name="Exits">VM exits.</param>
/// <param name="HandedOn">Of these, those that the guest's own hypervisor got.</param>
/// <param name="Faults">Faults that KVM handled.</param>
/// <param name="Writes">Writes to tables that translate for it.</param>
/// <param name="Tables">Tables made for it.</param>
/// <param name="Flushes">TLB flushes while it ran.</param>
public sealed record GuestTotals(string Guest, DiffPair Exits, DiffPair HandedOn, DiffPair Faults, DiffPair Writes, DiffPair Tables, DiffPair Flushes);

/// <summary>Divides two runs by whose their records are: what a guest of the guest (L2) costs, apart from its hypervisor (L1).</summary>
internal static class GuestComparison
{
    private const string Host = "host";

    private const string HandedOn =
        " UNION ALL SELECT 'L2', 'handed', count(*) FROM guest_state WHERE run = @Run AND cause = 'vmexit' AND ordinal BETWEEN @from AND @to";

    /// <summary>Counted while it was stored.</summary>
    private const string Whole =
        "SELECT guest, kind, sum(count) FROM guest_summary WHERE run = @Run AND (kind IN ('exit', 'fault', 'write', 'flush') OR (kind = 'page' AND name = 'create')) "
        + "GROUP BY guest, kind" + HandedOn;

    private const string Stretch =
        "SELECT guest, 'exit', count(*) FROM vm_exit WHERE run = @Run AND ordinal BETWEEN @from AND @to GROUP BY guest "
        + "UNION ALL SELECT guest, 'fault', count(*) FROM fault WHERE run = @Run AND ordinal BETWEEN @from AND @to GROUP BY guest "
        + "UNION ALL SELECT guest, 'write', count(*) FROM table_write WHERE run = @Run AND ordinal BETWEEN @from AND @to GROUP BY guest "
        + "UNION ALL SELECT guest, 'flush', count(*) FROM tlb_flush WHERE run = @Run AND ordinal BETWEEN @from AND @to GROUP BY guest "
        + "UNION ALL SELECT guest, 'page', count(*) FROM page_operation WHERE run = @Run AND operation = 'create' AND ordinal BETWEEN @from AND @to GROUP BY guest" + HandedOn;

    private static readonly string[] Guests = ["L1", "L2", Host];

    /// <summary>By guest; empty: neither run has a guest of the guest.</summary>
    public static IReadOnlyList<GuestTotals> Of(DiffSide a, DiffSide b, DiffOptions options)
    {
        var left = Count(a, options);
        var right = Count(b, options);
        if (!HasNested(left) && !HasNested(right))
            return [];
        return [.. Guests.Select(guest => Totals(guest, left, right)).Where(totals => totals.Guest != Host || totals.Flushes is not { A: 0, B: 0 })];
    }

    /// <summary>What must be told of a side on which L2 did not run.</summary>
    public static string? Remark(DiffSide side)
    {
        var missed = side.Database.Connection.ExecuteScalar<long?>("SELECT value FROM counter WHERE run = @Run AND name = 'note_nested_not_followed'", new { side.Run.Run }) ?? 0;
        return missed == 0 ? null
            : $"In {side.Run.Name} the guest's own guests were not followed ({missed:#,0} times): "
            + (side.IsTwoDimensional ? "the modelled KVM offers no SVM there" : "without EPT or NPT, KVM offers a guest no nested paging, and with an Intel host no SVM")
            + ". What they would have cost is missing on that side.";
    }

    private static GuestTotals Totals(string guest, Dictionary<(string Guest, string Kind), long> a, Dictionary<(string Guest, string Kind), long> b)
    {
        return new GuestTotals(guest, Pair("exit"), Pair("handed"), Pair("fault"), Pair("write"), Pair("page"), Pair("flush"));

        DiffPair Pair(string kind) => new(a.GetValueOrDefault((guest, kind)), b.GetValueOrDefault((guest, kind)));
    }

    private static bool HasNested(Dictionary<(string Guest, string Kind), long> counts) => counts.Any(count => count is { Key.Guest: "L2", Value: > 0 });

    private static Dictionary<(string Guest, string Kind), long> Count(DiffSide side, DiffOptions options)
    {
        var arguments = new { side.Run.Run, from = options.From ?? 0, to = options.To ?? long.MaxValue };
        var counts = new Dictionary<(string Guest, string Kind), long>();
        foreach (var (guest, kind, count) in side.Database.Connection.Query<(string? Guest, string Kind, long Count)>(options is { From: null, To: null } ? Whole : Stretch, arguments))
            counts[(guest ?? Host, kind)] = count;
        return counts;
    }
}
