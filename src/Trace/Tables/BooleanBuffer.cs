using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>A column of true and false, a bit each.</summary>
internal sealed class BooleanBuffer(string name, int capacity)
    : ColumnBuffer(new FileColumn(name, PhysicalType.Boolean, LogicalType.Boolean, 0, PageEncoding.Plain, IsOptional: true), capacity)
{
    private readonly byte[] _values = new byte[capacity];

    public override void Add(int row, long value) => _values[Next(row)] = value != 0 ? (byte)1 : (byte)0;

    protected override ColumnChunkMeta WriteValues(ColumnChunkWriter writer, int rows, int at)
    {
        var page = Reserve(at + (Count / 8) + 8);
        at += BitPacking.Pack(_values.AsSpan(0, Count), 1, page[at..]);
        return writer.Write(Column, [], 0, page[..at], rows, null, rows - Count);
    }
}
