using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tables;

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
