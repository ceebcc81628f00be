using Dapper;
using Replay.Analyzer.Diff.Costs;
using Replay.Analyzer.Diff.Rows;

namespace Replay.Analyzer.Diff;

/// <summary>Compares two runs of one capture, trace event by trace event.</summary>
public sealed class RunComparison
{
    private readonly DiffSide _a;
    private readonly DiffSide _b;
    private readonly DiffOptions _options;
    private readonly CancellationToken _cancellation;
    private readonly List<string> _remarks = [];
    private readonly long _first;
    private readonly long _last;
    private readonly long _width;
    private readonly HashSet<string> _hidden;

    private RunComparison(DiffSide a, DiffSide b, DiffOptions options, CancellationToken cancellation)
    {
        _a = a;
        _b = b;
        _options = options;
        _cancellation = cancellation;
        _first = options.From ?? Math.Min(a.Run.FirstOrdinal ?? 0, b.Run.FirstOrdinal ?? 0);
        _last = Math.Max(_first, options.To ?? Math.Max(a.Run.LastOrdinal ?? 0, b.Run.LastOrdinal ?? 0));
        _hidden = [.. ObservedSide.Hidden(a), .. ObservedSide.Hidden(b)];
        _width = Math.Max(1, (_last - _first + options.Ranges) / options.Ranges);
    }

    private bool IsObserved => _a.IsObserved || _b.IsObserved;

    private bool IsWhole => _options.From is null && _options.To is null;

    /// <summary>Compares.</summary>
    /// <exception cref="DiffException">The runs cannot be compared.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static RunDiff Of(DiffSide a, DiffSide b, DiffOptions? options = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Comparability.Check(a, b);
        return new RunComparison(a, b, Comparability.Limit(a, b, options ?? new DiffOptions()), cancellation).Compare();
    }

    /// <summary>The events from one on at which the runs do not do alike, with what each did and why, in order and at most so many.</summary>
    /// <exception cref="DiffException">The runs cannot be compared, or not event by event.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static IReadOnlyList<RunDivergence> Divergences(DiffSide a, DiffSide b, long from, int count, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        Comparability.Check(a, b);
        if (a.IsObserved || b.IsObserved)
            throw new DiffException("an observed run has no events of the capture, so that only the first divergence is known.");
        var options = Comparability.Limit(a, b, new DiffOptions { From = from, Ranges = 1, DifferencesWanted = count });
        var comparison = new RunComparison(a, b, options, cancellation);
        var ordinals = new[]
        {
            comparison.Merge(new ExitDecoder(), new ExitDecoder()),
            comparison.Merge(new FaultDecoder(false), new FaultDecoder(false)),
            comparison.Merge(comparison.Writes(a, b, null), comparison.Writes(b, a, null)),
        }.SelectMany(totals => totals.Differences).Distinct().Order().Take(count);
        return [.. DivergenceReader.At(a, b, ordinals)];
    }

    private RunDiff Compare()
    {
        Comparability.Remark(_a, _b, _remarks);
        var mappings = IsWhole && !IsObserved ? (A: LiveTables.FinalMappingsOf(_a), B: LiveTables.FinalMappingsOf(_b)) : default;
        var exits = Merge(new ExitDecoder(), new ExitDecoder());
        var faults = Merge(new FaultDecoder(_hidden.Contains("fault.gva")), new FaultDecoder(_hidden.Contains("fault.gva")));
        var flushes = Merge(new FlushDecoder(), new FlushDecoder());
        var guestFaults = Merge(new GuestFaultDecoder(), new GuestFaultDecoder());
        var pages = Merge(new PageDecoder(), new PageDecoder());
        var writes = Merge(Writes(_a, _b, mappings.A), Writes(_b, _a, mappings.B));
        var walks = new WalkComparison(_a, _b, _first, _last, _width, _options.Ranges);
        var costs = new CostModel(_options.Costs, _a, _b, exits, faults, flushes, writes, walks);
        var isSame = (_a.Run.HistoryHash == _b.Run.HistoryHash && IsWhole && !IsObserved)
            || ((RowTotals[])[exits, faults, flushes, .. _hidden.Contains("guest_faults") ? (RowTotals[])[] : [guestFaults], pages, writes]).All(totals => totals.IsSame);
        var firsts = ((RowTotals[])[exits, faults, writes]).Where(totals => totals.FirstDifference is not null).Select(totals => totals.FirstDifference!.Value).ToList();
        return new RunDiff
        {
            A = DiffSideInfo.Of(_a),
            B = DiffSideInfo.Of(_b),
            IsSame = isSame,
            AlignedBy = IsObserved ? "sequence" : "ordinal",
            FirstOrdinal = _first,
            LastOrdinal = _last,
            Remarks = _remarks,
            Exits = Totals(exits, Names.Exit),
            Faults = Totals(faults, Names.Outcome),
            Writes = Totals(writes, WriteNames()),
            Flushes = Totals(flushes, Names.Flush),
            PageOperations = Totals(pages, Names.Operation),
            GuestFaults = Totals(guestFaults, _ => "guest fault"),
            Guests = GuestComparison.Of(_a, _b, _options),
            Tables = LiveTables.Compare(_a, OptionsOf(_a).From ?? long.MinValue, OptionsOf(_a).To ?? _last, _b, OptionsOf(_b).From ?? long.MinValue, OptionsOf(_b).To ?? _last),
            Walks = walks.Totals,
            Frames = FrameComparison.Of(_a, _b, mappings.A, mappings.B),
            Cost = IsObserved ? costs.Compare() with { Verdict = "Not known: a trace shows no page walks." } : costs.Compare(),
            FirstDivergence = IsObserved ? FirstUnlike([exits, faults, writes, flushes]) : firsts.Count > 0 ? DivergenceReader.At(_a, _b, firsts.Min()) : null,
            Divergences = IsObserved || _options.Divergences is not { } described ? null : Divergences([exits, faults, writes], described),
            Ranges = Ranges(exits, faults, writes, flushes, walks, costs),
        };
    }

    private DivergenceList Divergences(RowTotals[] kinds, int described)
    {
        var ordinals = kinds.SelectMany(kind => kind.Differences).Distinct().Order().ToList();
        return new DivergenceList
        {
            Total = ordinals.Count,
            First = [.. DivergenceReader.At(_a, _b, ordinals.Take(described))],
            TablesA = ordinals is [var first, ..] ? DivergenceTables.Read(_a, first, _cancellation) : null,
            TablesB = ordinals is [var same, ..] ? DivergenceTables.Read(_b, same, _cancellation) : null,
        };
    }

    /// <summary>Of the kinds of records, the one that parts first on the first side.</summary>
    private RunDivergence? FirstUnlike(RowTotals[] kinds)
    {
        var parted = kinds.Where(kind => kind.FirstUnlike is not null).Select(kind => kind.FirstUnlike!.Value).ToList();
        if (parted.Count == 0)
            return null;
        var (a, b) = parted.MinBy(ordinals => (ordinals.A ?? long.MaxValue, ordinals.B ?? long.MaxValue));
        return DivergenceReader.Between(_a, a, _b, b);
    }

    private DiffOptions OptionsOf(DiffSide side) =>
        ObservedSide.LastOfGuest(side) is { } last ? _options with { To = Math.Min(last, _options.To ?? long.MaxValue) } : _options;

    private WriteDecoder Writes(DiffSide side, DiffSide other, FinalMappings? mappings)
    {
        var chains = side.Database.Connection.Query<(int Chain, int Function)>("SELECT chain_id, function FROM _chain WHERE run = @Run", new { side.Run.Run }).AsList();
        var functions = new int[chains.Count == 0 ? 1 : chains.Max(chain => chain.Chain) + 1];
        foreach (var (chain, function) in chains)
            functions[chain] = function & ((1 << WriteDecoder.FunctionBits) - 1);
        if (IsObserved)
            functions = [.. ObservedSide.Functions(side, other).Select(function => function & ((1 << WriteDecoder.FunctionBits) - 1))];
        var leavesOnly = side.Run.Detail == "leaf" || other.Run.Detail == "leaf";
        return new WriteDecoder(functions, leavesOnly, IsObserved || side.Run.Backing != other.Run.Backing, other.IsObserved, mappings);
    }

    private RowTotals Merge<TDecoder>(TDecoder a, TDecoder b)
        where TDecoder : struct, IRowDecoder
    {
        var totals = new RowTotals(TDecoder.Sorts, _options.Ranges) { DifferencesWanted = _options.DifferencesWanted, KeepsDifferences = _options.Divergences is not null };
        using var left = new RowReader<TDecoder>(_a, OptionsOf(_a), a);
        using var right = new RowReader<TDecoder>(_b, OptionsOf(_b), b);
        var clock = new RangeClock(_first, _width, _options.Ranges);
        if (IsObserved)
            new RowSequence<TDecoder>(left, right, totals, clock).Run(_cancellation);
        else
            new RowMerge<TDecoder>(left, right, totals, clock).Run(_cancellation);
        return totals;
    }

    private DiffTotals Totals(RowTotals totals, Func<int, string> name)
    {
        var sorts = new List<DiffCount>();
        for (var i = 0; i < totals.SortsA.Length; i++)
        {
            if (totals.SortsA[i] + totals.SortsB[i] > 0)
                sorts.Add(new DiffCount(name(i), totals.SortsA[i], totals.SortsB[i], IsObserved ? null : totals.SortsAlike[i]));
        }

        return new DiffTotals
        {
            A = totals.A,
            B = totals.B,
            Alike = totals.Alike,
            EventsInBoth = IsObserved ? null : totals.OrdinalsInBoth,
            EventsInAOnly = IsObserved ? null : totals.OrdinalsInA,
            EventsInBOnly = IsObserved ? null : totals.OrdinalsInB,
            FirstDifference = IsObserved ? null : totals.FirstDifference,
            Sorts = [.. sorts.OrderByDescending(sort => sort.A + sort.B).ThenBy(sort => sort.Name, StringComparer.Ordinal)],
        };
    }

    private Func<int, string> WriteNames()
    {
        var names = _a.Database.Connection.Query<(int Number, string Name)>("SELECT function, name FROM _function")
            .Concat(_b.Database.Connection.Query<(int Number, string Name)>("SELECT function, name FROM _function"))
            .DistinctBy(function => function.Number)
            .ToDictionary(function => function.Number, function => function.Name);
        return sort => $"{Names.Level(sort >> WriteDecoder.FunctionBits)} {names.GetValueOrDefault(sort & ((1 << WriteDecoder.FunctionBits) - 1), "?")}";
    }

    private List<DiffRange> Ranges(RowTotals exits, RowTotals faults, RowTotals writes, RowTotals flushes, WalkComparison walks, CostModel costs)
    {
        var ranges = new List<DiffRange>();
        for (var i = 0; i < _options.Ranges && _first + (i * _width) <= _last; i++)
        {
            ranges.Add(new DiffRange
            {
                FirstOrdinal = _first + (i * _width),
                LastOrdinal = Math.Min(_last, _first + ((i + 1) * _width) - 1),
                Exits = new(exits.RangesA[i], exits.RangesB[i]),
                Faults = new(faults.RangesA[i], faults.RangesB[i]),
                Writes = new(writes.RangesA[i], writes.RangesB[i]),
                Flushes = new(flushes.RangesA[i], flushes.RangesB[i]),
                WalkReferences = new(walks.ReferencesA[i], walks.ReferencesB[i]),
                Cost = costs.InRange(i),
            });
        }

        return ranges;
    }
}
