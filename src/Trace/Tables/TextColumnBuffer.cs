using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tables;

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
