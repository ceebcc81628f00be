using Replay.Analyzer.Diff.Rows;

namespace Replay.Analyzer.Diff.Costs;

/// <summary>Weighs what both sides did with a cost table.</summary>
internal sealed class CostModel(
    CostTable costs, DiffSide a, DiffSide b, RowTotals exits, RowTotals faults, RowTotals flushes, RowTotals writes, WalkComparison walks)
{
    private static readonly string[] NotModelled =
    [
        "misses that follow KVM's own flushes or an exit without VPID: TLB misses are the guest's, the same on both sides",
        "TLB entries larger than 4 KiB, and page-walk caches other than by the table's shares",
        "whether a walk's references hit or miss the data caches",
        "exits that do not concern the MMU, waiting for locks, other vCPUs",
        "whatever the cost table sets to 0",
    ];

    /// <summary>Both sides in one range.</summary>
    public DiffPair InRange(int range) => new(
        (long)Math.Round(
            Walk(a, walks.ReferencesA[range]) + Weigh(costs.Exit, exits.SortsByRangeA[range], Names.Exit)
            + Weigh(costs.Fault, faults.SortsByRangeA[range], Names.Outcome) + (costs.TableWrite.Value * writes.RangesA[range])
            + Weigh(costs.Flush, flushes.SortsByRangeA[range], Names.Flush)),
        (long)Math.Round(
            Walk(b, walks.ReferencesB[range]) + Weigh(costs.Exit, exits.SortsByRangeB[range], Names.Exit)
            + Weigh(costs.Fault, faults.SortsByRangeB[range], Names.Outcome) + (costs.TableWrite.Value * writes.RangesB[range])
            + Weigh(costs.Flush, flushes.SortsByRangeB[range], Names.Flush)));

    public CostComparison Compare()
    {
        DiffCount[] parts =
        [
            new("page walks", Rounded(Walk(a, walks.ReferencesA.Sum())), Rounded(Walk(b, walks.ReferencesB.Sum()))),
            new("exits", Rounded(Weigh(costs.Exit, exits.SortsA, Names.Exit)), Rounded(Weigh(costs.Exit, exits.SortsB, Names.Exit))),
            new("fault handling", Rounded(Weigh(costs.Fault, faults.SortsA, Names.Outcome)), Rounded(Weigh(costs.Fault, faults.SortsB, Names.Outcome))),
            new("table writes", Rounded(costs.TableWrite.Value * writes.A), Rounded(costs.TableWrite.Value * writes.B)),
            new("flushes", Rounded(Weigh(costs.Flush, flushes.SortsA, Names.Flush)), Rounded(Weigh(costs.Flush, flushes.SortsB, Names.Flush))),
        ];
        var total = new DiffPair(parts.Sum(part => part.A), parts.Sum(part => part.B));
        var ranges = Enumerable.Range(0, exits.RangesA.Length).Select(InRange).ToList();
        var breakEven = BreakEven(total, parts[1]);
        return new CostComparison
        {
            Table = costs.Name,
            Unit = costs.Unit,
            Parts = parts,
            Total = total,
            RangesCheaperInA = ranges.Count(range => range.A < range.B),
            RangesCheaperInB = ranges.Count(range => range.A > range.B),
            RangesEqual = ranges.Count(range => range.A == range.B && range.A > 0),
            BreakEvenExit = breakEven,
            Verdict = Verdict(total, breakEven),
            Sources = [.. Sources()],
            NotModelled = NotModelled,
        };
    }

    private double Walk(DiffSide side, long references) =>
        references * costs.PageWalk.CyclesPerReference.Value
        * (side.IsTwoDimensional ? costs.PageWalk.ShareTwoDimensional.Value : costs.PageWalk.ShareOneDimensional.Value);

    private static double Weigh(IReadOnlyDictionary<string, CostEntry> table, long[] counts, Func<int, string> name)
    {
        var sum = 0.0;
        for (var i = 0; i < counts.Length; i++)
        {
            if (counts[i] > 0)
                sum += counts[i] * CostTable.Of(table, name(i));
        }

        return sum;
    }

    /// <summary>All exits taken to cost the same.</summary>
    private double? BreakEven(DiffPair total, DiffCount exitCosts)
    {
        if (exits.A == exits.B)
            return null;
        var cost = (double)(total.A - exitCosts.A - (total.B - exitCosts.B)) / (exits.B - exits.A);
        return cost > 0 ? cost : null;
    }

    private string Verdict(DiffPair total, double? breakEven)
    {
        if (total.A == total.B)
            return "Both cost the same by this table.";
        var (cheaper, dearer, low, high) = total.A < total.B ? (a, b, total.A, total.B) : (b, a, total.B, total.A);
        var text = $"{cheaper.Run.Name} would have been cheaper: {Percent(low, high)} of what {dearer.Run.Name} costs by this table";
        if (breakEven is not { } exit)
            return $"{text}, at any cost of an exit.";
        var fewer = exits.A < exits.B ? a : b;
        return $"{text}; at {Rounded(exit):#,0} {costs.Unit} an exit both would cost the same, above that {fewer.Run.Name} is cheaper.";
    }

    private IEnumerable<string> Sources()
    {
        yield return Source("reference of a page walk that reaches the caches", costs.PageWalk.CyclesPerReference);
        yield return Source("share of a one-dimensional walk's references", costs.PageWalk.ShareOneDimensional);
        yield return Source("share of a two-dimensional walk's references", costs.PageWalk.ShareTwoDimensional);
        foreach (var (what, table) in ((string, IReadOnlyDictionary<string, CostEntry>)[])[("exit", costs.Exit), ("fault", costs.Fault), ("flush", costs.Flush)])
        {
            foreach (var (name, entry) in table.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                yield return Source(name == "default" ? what : $"{what} {name}", entry);
        }

        yield return Source("table write", costs.TableWrite);
    }

    private static string Source(string what, CostEntry entry) => $"{what}: {entry.Value:#,0.###} ({entry.Source})";

    private static string Percent(long part, long whole) => $"{100.0 * part / Math.Max(1, whole):0} %";

    private static long Rounded(double value) => (long)Math.Round(value);
}
