using System.Runtime.InteropServices;
using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>A column of text with few distinct values: their numbers, and a dictionary.</summary>
internal sealed class WordBuffer(string name, int capacity)
    : ColumnBuffer(new FileColumn(name, PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.RleDictionary, IsOptional: true), capacity)
{
    private readonly ushort[] _indexes = new ushort[capacity];
    private readonly Dictionary<string, ushort> _numbers = new(StringComparer.Ordinal);
    private readonly List<string> _words = [];

    public override void Add(int row, string value)
    {
        if (!_numbers.TryGetValue(value, out var number))
        {
            _numbers[value] = number = (ushort)_words.Count;
            _words.Add(value);
        }

        _indexes[Next(row)] = number;
    }

    protected override ColumnChunkMeta WriteValues(ColumnChunkWriter writer, int rows, int at)
    {
        var page = Reserve(at + IndexEncoder.MaxBytes(Count));
        if (Count > 0)
            at += IndexEncoder.Encode(_indexes.AsSpan(0, Count), page[at..]);
        var meta = writer.Write(Column, TextDictionary.Page(CollectionsMarshal.AsSpan(_words)), _words.Count, page[..at], rows, null, rows - Count);
        _numbers.Clear();
        _words.Clear();
        return meta;
    }
}
