using System.Buffers.Binary;
using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>The values of one column of the row group in the making.</summary>
internal abstract class ColumnBuffer(FileColumn column, int capacity)
{
    private readonly byte[] _levels = new byte[capacity];
    private byte[] _page = new byte[64 * 1024];

    public FileColumn Column { get; } = column;

    /// <summary>Values of the row group that are not null.</summary>
    protected int Count { get; private set; }

    public static ColumnBuffer Of(TableColumn column, int capacity) => column.Type switch
    {
        TableColumnType.Integer => new NumberBuffer(column.Name, LogicalType.Signed, capacity),
        TableColumnType.Unsigned => new NumberBuffer(column.Name, LogicalType.Unsigned, capacity),
        TableColumnType.Boolean => new BooleanBuffer(column.Name, capacity),
        TableColumnType.Word => new WordBuffer(column.Name, capacity),
        _ => new TextBuffer(column.Name, capacity),
    };

    public virtual void Add(int row, long value) => throw new ArgumentException($"column {Column.Name} holds text");

    public virtual void Add(int row, string value) => throw new ArgumentException($"column {Column.Name} holds no text");

    /// <summary>Writes the rows, of which those without a value are null, and begins anew.</summary>
    public ColumnChunkMeta Write(ColumnChunkWriter writer, int rows)
    {
        var room = IndexEncoder.MaxBytes(rows) + sizeof(int);
        Reserve(room);
        var length = IndexEncoder.EncodeLevels(_levels.AsSpan(0, rows), _page.AsSpan(sizeof(int)));
        BinaryPrimitives.WriteInt32LittleEndian(_page, length);
        var meta = WriteValues(writer, rows, sizeof(int) + length);
        Array.Clear(_levels);
        Count = 0;
        return meta;
    }

    /// <summary>Writes the page, whose levels stand in the first <paramref name="at"/> bytes, and forgets the values.</summary>
    protected abstract ColumnChunkMeta WriteValues(ColumnChunkWriter writer, int rows, int at);

    /// <summary>Notes that the row has a value.</summary>
    /// <returns>Which of the row group's values it is.</returns>
    protected int Next(int row)
    {
        _levels[row] = 1;
        return Count++;
    }

    /// <summary>The page, with room for so many bytes.</summary>
    protected Span<byte> Reserve(int bytes)
    {
        if (_page.Length < bytes)
            Array.Resize(ref _page, Math.Max(2 * _page.Length, bytes));
        return _page;
    }
}
