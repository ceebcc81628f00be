namespace Replay.Analyzer.Store.BTrees;

/// <summary>Sorts rows of signed integers by their first columns, stably: a radix sort that skips bytes in which all rows agree.</summary>
internal sealed class KeySort
{
    private const int Bytes = sizeof(long);
    private const int Buckets = 256;

    private readonly int[] _counts = new int[Bytes * Buckets];
    private int[] _from = [];
    private int[] _to = [];

    /// <param name="columns">Column after column, <paramref name="capacity"/> places each.</param>
    /// <param name="capacity">Places of a column.</param>
    /// <param name="rows">Rows that are there.</param>
    /// <param name="sorted">The first so many columns are sorted by.</param>
    /// <returns>The rows' numbers in order, good until the next call.</returns>
    public ReadOnlySpan<int> Order(ReadOnlySpan<long> columns, int capacity, int rows, int sorted)
    {
        if (_from.Length < rows)
        {
            _from = new int[capacity];
            _to = new int[capacity];
        }

        for (var row = 0; row < rows; row++)
            _from[row] = row;
        for (var column = sorted - 1; column >= 0; column--)
            By(columns.Slice(column * capacity, rows));
        return _from.AsSpan(0, rows);
    }

    private void By(ReadOnlySpan<long> values)
    {
        if (IsAscending(values))
            return;
        var counts = _counts.AsSpan();
        counts.Clear();
        foreach (var value in values)
        {
            var bits = Unsigned(value);
            for (var place = 0; place < counts.Length; place += Buckets, bits >>= 8)
                counts[place + (int)(bits & 0xff)]++;
        }

        for (var place = 0; place < Bytes; place++)
        {
            var starts = counts.Slice(place * Buckets, Buckets);
            var shift = place * 8;
            if (starts[(int)(Unsigned(values[0]) >> shift & 0xff)] == values.Length)
                continue;
            var next = 0;
            for (var bucket = 0; bucket < Buckets; bucket++)
                (starts[bucket], next) = (next, next + starts[bucket]);
            foreach (var row in _from.AsSpan(0, values.Length))
                _to[starts[(int)(Unsigned(values[row]) >> shift & 0xff)]++] = row;
            (_from, _to) = (_to, _from);
        }
    }

    /// <summary>In the order of the rows before. Rows that have been sorted by a later column already are looked at in the new order.</summary>
    private bool IsAscending(ReadOnlySpan<long> values)
    {
        for (var i = 1; i < values.Length; i++)
        {
            if (values[_from[i]] < values[_from[i - 1]])
                return false;
        }

        return true;
    }

    private static ulong Unsigned(long value) => (ulong)value ^ 1UL << 63;
}
