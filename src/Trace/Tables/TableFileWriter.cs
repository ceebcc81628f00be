using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Tables;

/// <summary>Writes any table as a Parquet file, row by row. Holds one row group in memory.</summary>
public sealed class TableFileWriter : IDisposable
{
    private const int RowGroupRows = TraceChunk.Capacity;
    private const int ZstdLevel = 1;

    private readonly FileStream _file;
    private readonly ColumnChunkWriter _writer = new(ZstdLevel);
    private readonly ColumnBuffer[] _columns;
    private readonly List<RowGroupMeta> _groups = [];
    private int _row;

    /// <param name="path">The file, which must not be there.</param>
    /// <param name="columns">Its columns in order.</param>
    /// <exception cref="IOException">It is there, or cannot be made.</exception>
    public TableFileWriter(string path, IReadOnlyList<TableColumn> columns)
    {
        _columns = [.. columns.Select(column => ColumnBuffer.Of(column, RowGroupRows))];
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        _writer.Open(_file);
        ParquetFile.Begin(_writer);
    }

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Sets a value of the row in the making, at most once; what is not set is null.</summary>
    public void Set(int column, long value) => _columns[column].Add(_row, value);

    /// <summary>Sets a value of the row in the making, at most once; what is not set is null.</summary>
    public void Set(int column, string value) => _columns[column].Add(_row, value);

    public void EndRow()
    {
        Rows++;
        if (++_row == RowGroupRows)
            WriteRowGroup();
    }

    /// <summary>Writes the rest and the footer. Without it the file is not readable.</summary>
    public void Finish()
    {
        if (_row > 0)
            WriteRowGroup();
        var columns = new FileColumn[_columns.Length];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = _columns[i].Column;
        ParquetFile.Finish(_writer, new CompactWriter(), "table", columns, _groups);
        _file.Flush();
    }

    public void Dispose()
    {
        _writer.Dispose();
        _file.Dispose();
    }

    private void WriteRowGroup()
    {
        var columns = new ColumnChunkMeta[_columns.Length];
        for (var i = 0; i < columns.Length; i++)
            columns[i] = _columns[i].Write(_writer, _row);
        _groups.Add(new RowGroupMeta(_row, columns));
        _row = 0;
    }
}
