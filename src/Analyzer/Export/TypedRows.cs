using System.Globalization;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Export;

/// <summary>Rows as a file of their own, by its name: <c>.csv</c> is CSV, anything else Parquet. What is not set of a row is NULL.</summary>
public abstract class TypedRows : IDisposable
{
    public long Rows { get; protected set; }

    /// <exception cref="IOException">The file is there, or cannot be made.</exception>
    /// <param name="path">The file.</param>
    /// <param name="isCsv">CSV, a line of names first; else Parquet.</param>
    /// <param name="columns">Of integers, addresses and words.</param>
    public static TypedRows Create(string path, bool isCsv, IReadOnlyList<TableColumn> columns) => isCsv ? new CsvRows(path, columns) : new ParquetRows(path, columns);

    public static bool IsCsv(string path) => path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);

    public abstract void Set(int column, long value);

    public abstract void Set(int column, string value);

    public abstract void EndRow();

    /// <summary>Without it the file is not whole.</summary>
    public abstract void Finish();

    public abstract void Dispose();

    private sealed class ParquetRows(string path, IReadOnlyList<TableColumn> columns) : TypedRows
    {
        private readonly TableFileWriter _file = new(path, columns);

        public override void Set(int column, long value) => _file.Set(column, value);

        public override void Set(int column, string value) => _file.Set(column, value);

        public override void EndRow()
        {
            _file.EndRow();
            Rows++;
        }

        public override void Finish() => _file.Finish();

        public override void Dispose() => _file.Dispose();
    }

    private sealed class CsvRows : TypedRows
    {
        private readonly StreamWriter _file;
        private readonly IReadOnlyList<TableColumn> _columns;
        private readonly string[] _row;

        public CsvRows(string path, IReadOnlyList<TableColumn> columns)
        {
            _file = new StreamWriter(new FileStream(path, FileMode.CreateNew)) { NewLine = "\n" };
            _columns = columns;
            _row = new string[columns.Count];
            _file.WriteLine(string.Join(',', columns.Select(column => column.Name)));
        }

        public override void Set(int column, long value) => _row[column] = _columns[column].Type == TableColumnType.Unsigned
            ? unchecked((ulong)value).ToString(CultureInfo.InvariantCulture)
            : value.ToString(CultureInfo.InvariantCulture);

        public override void Set(int column, string value) => _row[column] = value;

        public override void EndRow()
        {
            _file.WriteLine(string.Join(',', _row));
            Array.Clear(_row);
            Rows++;
        }

        public override void Finish() => _file.Flush();

        public override void Dispose() => _file.Dispose();
    }
}
