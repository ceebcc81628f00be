using System.Runtime.InteropServices;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Walks the records of two runs together, trace event by trace event: both are sorted by it, so one pass over each is enough.</summary>
internal sealed class RowMerge<TDecoder>(RowReader<TDecoder> a, RowReader<TDecoder> b, RowTotals totals, RangeClock clock)
    where TDecoder : struct, IRowDecoder
{
    private const int EventsPerCheck = 4096;

    private readonly List<DiffRow> _groupA = [];
    private readonly List<DiffRow> _groupB = [];
    private RangeClock _clock = clock;

    public void Run(CancellationToken cancellation)
    {
        var inA = a.Read();
        var inB = b.Read();
        for (var events = 0; (inA || inB) && !totals.HasAllDifferences; events++)
        {
            if (events % EventsPerCheck == 0)
                cancellation.ThrowIfCancellationRequested();
            var ordinal = Math.Min(a.Row.Ordinal, b.Row.Ordinal);
            var range = _clock.At(ordinal);
            if (b.Row.Ordinal != ordinal)
                inA = TakeA(ordinal, range);
            else if (a.Row.Ordinal != ordinal)
                inB = TakeB(ordinal, range);
            else
                (inA, inB) = TakeBoth(ordinal, range);
        }
    }

    private bool TakeA(long ordinal, int range)
    {
        var compared = false;
        var more = true;
        for (; more && a.Row.Ordinal == ordinal; more = a.Read())
        {
            totals.CountA(a.Row, range);
            compared |= !a.Row.IsApart;
        }

        if (compared)
        {
            totals.OrdinalsInA++;
            totals.Differ(ordinal);
        }

        return more;
    }

    private bool TakeB(long ordinal, int range)
    {
        var compared = false;
        var more = true;
        for (; more && b.Row.Ordinal == ordinal; more = b.Read())
        {
            totals.CountB(b.Row, range);
            compared |= !b.Row.IsApart;
        }

        if (compared)
        {
            totals.OrdinalsInB++;
            totals.Differ(ordinal);
        }

        return more;
    }

    private (bool InA, bool InB) TakeBoth(long ordinal, int range)
    {
        _groupA.Clear();
        _groupB.Clear();
        var inA = true;
        for (; inA && a.Row.Ordinal == ordinal; inA = a.Read())
        {
            totals.CountA(a.Row, range);
            if (!a.Row.IsApart)
                _groupA.Add(a.Row);
        }

        var inB = true;
        for (; inB && b.Row.Ordinal == ordinal; inB = b.Read())
        {
            totals.CountB(b.Row, range);
            if (!b.Row.IsApart)
                _groupB.Add(b.Row);
        }

        totals.OrdinalsInBoth += _groupA.Count > 0 && _groupB.Count > 0 ? 1 : 0;
        totals.OrdinalsInA += _groupA.Count > 0 && _groupB.Count == 0 ? 1 : 0;
        totals.OrdinalsInB += _groupA.Count == 0 && _groupB.Count > 0 ? 1 : 0;
        Compare(CollectionsMarshal.AsSpan(_groupA), CollectionsMarshal.AsSpan(_groupB), ordinal);
        return (inA, inB);
    }

    private void Compare(Span<DiffRow> left, Span<DiffRow> right, long ordinal)
    {
        if (left.Length == right.Length && AllAlike(left, right))
            return;
        var alike = Match(left, right);
        if (alike == left.Length && alike == right.Length)
            totals.IsSame = false;
        else
            totals.Differ(ordinal);
    }

    /// <summary>In the order they were made; the usual case, which needs no sorting.</summary>
    private bool AllAlike(Span<DiffRow> left, Span<DiffRow> right)
    {
        for (var i = 0; i < left.Length; i++)
        {
            if (!left[i].IsLike(right[i]))
                return false;
        }

        for (var i = 0; i < left.Length; i++)
        {
            totals.CountAlike(left[i]);
            if (!left[i].IsSame(right[i]))
                totals.IsSame = false;
        }

        return true;
    }

    private int Match(Span<DiffRow> left, Span<DiffRow> right)
    {
        left.Sort(DiffRow.Compare);
        right.Sort(DiffRow.Compare);
        var alike = 0;
        for (int i = 0, j = 0; i < left.Length && j < right.Length;)
        {
            var order = DiffRow.Compare(left[i], right[j]);
            if (order == 0)
            {
                totals.CountAlike(left[i]);
                alike++;
            }

            i += order <= 0 ? 1 : 0;
            j += order >= 0 ? 1 : 0;
        }

        return alike;
    }
}
