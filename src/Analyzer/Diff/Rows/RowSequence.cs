using System.Runtime.InteropServices;
using Replay.Analyzer.Conformance;

namespace Replay.Analyzer.Diff.Rows;

/// <summary>Aligns the records of two runs in order, for an observed run: the longest sequence that both have.</summary>
internal sealed class RowSequence<TDecoder>(RowReader<TDecoder> a, RowReader<TDecoder> b, RowTotals totals, RangeClock clock)
    where TDecoder : struct, IRowDecoder
{
    private readonly Dictionary<(ulong High, ulong Low), int> _numbers = [];
    private readonly List<long> _ordinalsA = [];
    private readonly List<long> _ordinalsB = [];

    public void Run(CancellationToken cancellation)
    {
        var left = Read(a, isA: true, cancellation);
        var right = Read(b, isA: false, cancellation);
        var alike = Alignment.Match(CollectionsMarshal.AsSpan(left), CollectionsMarshal.AsSpan(right));
        totals.CountAlike(alike);
        totals.IsSame = alike == left.Count && alike == right.Count;
        if (totals.IsSame)
            return;
        var common = CollectionsMarshal.AsSpan(left).CommonPrefixLength(CollectionsMarshal.AsSpan(right));
        totals.FirstUnlike = (At(_ordinalsA, common), At(_ordinalsB, common));
    }

    private static long? At(List<long> ordinals, int index) => index < ordinals.Count ? ordinals[index] : null;

    private List<int> Read(RowReader<TDecoder> reader, bool isA, CancellationToken cancellation)
    {
        var numbers = new List<int>();
        var ranges = clock;
        while (reader.Read())
        {
            if (numbers.Count % 4096 == 0)
                cancellation.ThrowIfCancellationRequested();
            if (isA)
                totals.CountA(reader.Row, ranges.At(reader.Row.Ordinal));
            else
                totals.CountB(reader.Row, ranges.At(reader.Row.Ordinal));
            if (reader.Row.IsApart)
                continue;
            ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, (reader.Row.KeyHigh, reader.Row.KeyLow), out var known);
            if (!known)
                number = _numbers.Count;
            numbers.Add(number);
            (isA ? _ordinalsA : _ordinalsB).Add(reader.Row.Ordinal);
        }

        return numbers;
    }
}
