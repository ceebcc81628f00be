using System.Buffers.Binary;
using System.Text;
using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>A column of text.</summary>
internal sealed class TextBuffer(string name, int capacity)
    : ColumnBuffer(new FileColumn(name, PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.Plain, IsOptional: true), capacity)
{
    private readonly string[] _values = new string[capacity];

    public override void Add(int row, string value) => _values[Next(row)] = value;

    protected override ColumnChunkMeta WriteValues(ColumnChunkWriter writer, int rows, int at)
    {
        foreach (var value in _values.AsSpan(0, Count))
        {
            var page = Reserve(at + sizeof(int) + Encoding.UTF8.GetMaxByteCount(value.Length));
            var length = Encoding.UTF8.GetBytes(value, page[(at + sizeof(int))..]);
            BinaryPrimitives.WriteInt32LittleEndian(page[at..], length);
            at += sizeof(int) + length;
        }

        return writer.Write(Column, [], 0, Reserve(0)[..at], rows, null, rows - Count);
    }
}
