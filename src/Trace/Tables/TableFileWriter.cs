using System.IO.Compression;
using Parquet;
using Parquet.Schema;

namespace Replay.Trace.Tables;

/// <summary>Writes any table as a Parquet file, row by row, with Parquet.Net. Holds one row group in memory.</summary>
public sealed class TableFileWriter : IDisposable
{
    private const int RowGroupRows = TraceChunk.Capacity;

    private readonly FileStream _file;
    private readonly ParquetWriter _writer;
    private readonly TableColumnBuffer[] _columns;
    private int _row;

    /// <param name="path">The file, which must not be there.</param>
    /// <param name="columns">Its columns in order.</param>
    /// <exception cref="IOException">It is there, or cannot be made.</exception>
    public TableFileWriter(string path, IReadOnlyList<TableColumn> columns)
    {
        _columns = [.. columns.Select(column => TableColumnBuffer.Of(column, RowGroupRows))];
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.Write);
        var schema = new ParquetSchema([.. _columns.Select(column => column.Field)]);
        _writer = Synchronously.Get(ParquetWriter.CreateAsync(schema, _file, Options(columns)));
    }

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>Sets a value of the row in the making; what is not set is null.</summary>
    public void Set(int column, long value) => _columns[column].Set(_row, value);

    /// <summary>Sets a value of the row in the making; what is not set is null.</summary>
    public void Set(int column, string value) => _columns[column].Set(_row, value);

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
        Synchronously.Run(_writer.DisposeAsync());
        _file.Flush();
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Parquet.Net's default level is by far slower than the data is worth; words repeat, texts do not.</summary>
    private static ParquetOptions Options(IReadOnlyList<TableColumn> columns)
    {
        var options = new ParquetOptions { CompressionMethod = CompressionMethod.Zstd, CompressionLevel = CompressionLevel.Fastest };
        foreach (var column in columns)
        {
            if (column.Type == TableColumnType.Word)
                options.ColumnEncodingHints[column.Name] = EncodingHint.Dictionary;
        }

        return options;
    }

    private void WriteRowGroup()
    {
        using var group = _writer.CreateRowGroup();
        foreach (var column in _columns)
            column.Write(group, _row);
        group.CompleteValidate();
        _row = 0;
    }
}
