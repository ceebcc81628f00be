using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tables;

/// <summary>The values of one column of the row group in the making; what is not set is null.</summary>
internal abstract class TableColumnBuffer(DataField field)
{
    public DataField Field { get; } = field;

    public static TableColumnBuffer Of(TableColumn column, int capacity) => column.Type switch
    {
        TableColumnType.Integer => new ValueColumnBuffer<long>(column.Name, static value => value, capacity),
        TableColumnType.Unsigned => new ValueColumnBuffer<ulong>(column.Name, static value => unchecked((ulong)value), capacity),
        TableColumnType.Real => new ValueColumnBuffer<double>(column.Name, BitConverter.Int64BitsToDouble, capacity),
        TableColumnType.Boolean => new ValueColumnBuffer<bool>(column.Name, static value => value != 0, capacity),
        _ => new TextColumnBuffer(column.Name, capacity),
    };

    public virtual void Set(int row, long value) => throw new ArgumentException($"column {Field.Name} holds text");

    public virtual void Set(int row, string value) => throw new ArgumentException($"column {Field.Name} holds no text");

    /// <summary>Writes the first rows, and begins anew.</summary>
    public abstract void Write(ParquetRowGroupWriter group, int rows);
}
