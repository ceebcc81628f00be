using Replay.Replayer;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>What SQLite checks when a row is inserted, and what the trees are built on: the rows of a run come in the order of their primary key.</summary>
internal sealed class KeyOrder(TableShape shape, int run)
{
    private readonly long[] _last = new long[shape.Key];

    public void Check(ReadOnlySpan<long> values)
    {
        var isAfter = false;
        for (var i = 0; i < _last.Length; i++)
        {
            var value = values[shape.Order[i]];
            if (!isAfter && value < _last[i])
                Break(values, "out of order");
            isAfter |= value > _last[i];
            _last[i] = value;
        }

        if (!isAfter)
            Break(values, "twice");
    }

    private void Break(ReadOnlySpan<long> values, string how) =>
        Invariant.Broken($"{shape.Name} gets a row of run {run} {how}: {string.Join(", ", values.ToArray())}");
}
