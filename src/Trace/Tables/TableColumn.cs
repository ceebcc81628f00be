using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tables;

/// <summary>A column of a table file.</summary>
public sealed record TableColumn(string Name, TableColumnType Type);

/// <summary>What a column of a table file holds. Every column can hold nulls.</summary>
public enum TableColumnType
{
    /// <summary>Signed 64-bit integers.</summary>
    Integer,

    /// <summary>Unsigned 64-bit integers: addresses and table entries.</summary>
    Unsigned,

    Boolean,

    /// <summary>64-bit floating point, set by its bits.</summary>
    Real,

    /// <summary>Text with few distinct values: kept as a dictionary.</summary>
    Word,

    /// <summary>Text.</summary>
    Text,
}

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

/// <summary>A column of text.</summary>
internal sealed class TextColumnBuffer(string name, int capacity) : TableColumnBuffer(new DataField<string>(name, nullable: true))
{
    private readonly string?[] _values = new string?[capacity];

    public override void Set(int row, string value) => _values[row] = value;

    public override void Write(ParquetRowGroupWriter group, int rows)
    {
        Synchronously.Run(group.WriteAsync(Field, new ArraySegment<string?>(_values, 0, rows)));
        Array.Clear(_values);
    }
}

/// <summary>A column of integers or of true and false.</summary>
internal sealed class ValueColumnBuffer<T>(string name, Func<long, T> convert, int capacity) : TableColumnBuffer(new DataField<T?>(name))
    where T : struct
{
    private readonly T?[] _values = new T?[capacity];

    public override void Set(int row, long value) => _values[row] = convert(value);

    public override void Write(ParquetRowGroupWriter group, int rows)
    {
        Synchronously.Run(group.WriteAsync<T>(Field, _values.AsMemory(0, rows)));
        Array.Clear(_values);
    }
}

/// <summary>
/// Runs Parquet.Net's asynchronous calls to their end. They work on files opened for synchronous use, so that they never truly wait,
/// and the threads that call them are ours.
/// </summary>
internal static class Synchronously
{
    public static void Run(Task task) => task.GetAwaiter().GetResult();

    public static void Run(ValueTask task) => task.AsTask().GetAwaiter().GetResult();

    public static T Get<T>(Task<T> task) => task.GetAwaiter().GetResult();
}
