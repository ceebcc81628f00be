using System.Runtime.InteropServices;
using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>A column of 64-bit integers: as a dictionary where values repeat, plain where they do not.</summary>
internal sealed class NumberBuffer(string name, LogicalType meaning, int capacity)
    : ColumnBuffer(new FileColumn(name, PhysicalType.Int64, meaning, 64, PageEncoding.RleDictionary, IsOptional: true), capacity)
{
    private readonly ulong[] _values = new ulong[capacity];
    private readonly ushort[] _indexes = new ushort[capacity];
    private readonly WideDictionary _dictionary = new();

    public override void Add(int row, long value) => _values[Next(row)] = unchecked((ulong)value);

    protected override ColumnChunkMeta WriteValues(ColumnChunkWriter writer, int rows, int at)
    {
        var values = _values.AsSpan(0, Count);
        _dictionary.Index(values, 0, _indexes);
        var nulls = rows - Count;
        if (2 * _dictionary.Count > Count)
        {
            var plain = MemoryMarshal.AsBytes(values);
            plain.CopyTo(Reserve(at + plain.Length)[at..]);
            return writer.Write(Column, [], 0, Reserve(0)[..(at + plain.Length)], rows, Range(values), nulls);
        }

        var page = Reserve(at + IndexEncoder.MaxBytes(Count));
        if (Count > 0)
            at += IndexEncoder.Encode(_indexes.AsSpan(0, Count), page[at..]);
        return writer.Write(Column, MemoryMarshal.AsBytes(_dictionary.Entries), _dictionary.Count, page[..at], rows, Range(_dictionary.Entries), nulls);
    }

    /// <summary>In the order of the column's own type; null where there are no values.</summary>
    private (ulong Min, ulong Max)? Range(ReadOnlySpan<ulong> values)
    {
        if (values.IsEmpty)
            return null;
        if (Column.Meaning == LogicalType.Unsigned)
            return RowGroupEncoder.Range(values);
        var (min, max) = (long.MaxValue, long.MinValue);
        foreach (var value in MemoryMarshal.Cast<ulong, long>(values))
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        return unchecked(((ulong)min, (ulong)max));
    }
}
