using System.Globalization;
using Apache.Arrow;
using Apache.Arrow.Ipc;
using Apache.Arrow.Types;
using Replay.Analyzer.Query;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Export;

/// <summary>What the files of an export are.</summary>
public enum ExportFormat
{
    Parquet,

    /// <summary>Comma-separated, a line of names first; NULL is empty.</summary>
    Csv,

    /// <summary>Arrow's IPC file format.</summary>
    Arrow,
}

/// <summary>Rows of a view as a file. Addresses are unsigned there, booleans true and false.</summary>
internal abstract class ViewWriter : IDisposable
{
    public long Rows { get; private set; }

    public static string Extension(ExportFormat format) => format switch
    {
        ExportFormat.Csv => "csv",
        ExportFormat.Arrow => "arrow",
        _ => "parquet",
    };

    public static ViewWriter Create(ExportFormat format, string path, IReadOnlyList<ViewColumn> columns) => format switch
    {
        ExportFormat.Csv => new CsvViewFile(path, columns),
        ExportFormat.Arrow => new ArrowViewFile(path, columns),
        _ => new ViewFile(path, columns),
    };

    public void Write(IQueryRows rows)
    {
        WriteRow(rows);
        Rows++;
    }

    public abstract void Finish();

    public abstract void Dispose();

    protected abstract void WriteRow(IQueryRows rows);

    private sealed class CsvViewFile : ViewWriter
    {
        private readonly StreamWriter _output;
        private readonly IReadOnlyList<ViewColumn> _columns;

        public CsvViewFile(string path, IReadOnlyList<ViewColumn> columns)
        {
            _output = new StreamWriter(path) { NewLine = "\n" };
            _columns = columns;
            _output.WriteLine(string.Join(',', columns.Select(column => column.Name)));
        }

        public override void Finish() => _output.Flush();

        public override void Dispose() => _output.Dispose();

        protected override void WriteRow(IQueryRows rows)
        {
            for (var i = 0; i < _columns.Count; i++)
            {
                if (i > 0)
                    _output.Write(',');
                var value = rows[i];
                if (value.Kind != SqlValueKind.Null)
                    _output.Write(Text(_columns[i].Type, value));
            }

            _output.WriteLine();
        }

        private static string Text(string type, SqlValue value) => type switch
        {
            "integer" => value.ToString(),
            "address" => unchecked((ulong)value.Integer).ToString(CultureInfo.InvariantCulture),
            "boolean" => value.Integer != 0 ? "true" : "false",
            _ => Quoted(value.ToString()),
        };

        /// <summary>An empty text is quoted, so that it is not NULL.</summary>
        private static string Quoted(string text) =>
            text.Length > 0 && text.AsSpan().IndexOfAny(",\"\n\r") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
    }

    private sealed class ArrowViewFile : ViewWriter
    {
        private const int BatchRows = 65_536;

        private readonly IReadOnlyList<ViewColumn> _columns;
        private readonly Apache.Arrow.Schema _schema;
        private readonly FileStream _stream;
        private readonly ArrowFileWriter _writer;
        private readonly Action<SqlValue>[] _append;
        private readonly Func<IArrowArray>[] _build;
        private int _batched;

        public ArrowViewFile(string path, IReadOnlyList<ViewColumn> columns)
        {
            _columns = columns;
            _schema = new Apache.Arrow.Schema([.. columns.Select(column => new Field(column.Name, TypeOf(column), nullable: true))], metadata: null);
            _stream = new FileStream(path, FileMode.CreateNew);
            _writer = new ArrowFileWriter(_stream, _schema);
            _append = new Action<SqlValue>[columns.Count];
            _build = new Func<IArrowArray>[columns.Count];
            Begin();
        }

        public override void Finish()
        {
            if (_batched > 0)
                EndBatch();
            _writer.WriteEnd();
        }

        public override void Dispose()
        {
            _writer.Dispose();
            _stream.Dispose();
        }

        protected override void WriteRow(IQueryRows rows)
        {
            for (var i = 0; i < _columns.Count; i++)
                _append[i](rows[i]);
            if (++_batched == BatchRows)
                EndBatch();
        }

        private static IArrowType TypeOf(ViewColumn column) => column.Type switch
        {
            "integer" => Int64Type.Default,
            "address" => UInt64Type.Default,
            "boolean" => BooleanType.Default,
            _ => StringType.Default,
        };

        private void EndBatch()
        {
            using var batch = new RecordBatch(_schema, _build.Select(build => build()), _batched);
            _writer.WriteRecordBatch(batch);
            Begin();
        }

        private void Begin()
        {
            _batched = 0;
            for (var i = 0; i < _columns.Count; i++)
                (_append[i], _build[i]) = Column(_columns[i].Type);
        }

        private static (Action<SqlValue> Append, Func<IArrowArray> Build) Column(string type)
        {
            switch (type)
            {
                case "integer":
                    var integers = new Int64Array.Builder();
                    return (value => _ = value.Kind == SqlValueKind.Null ? integers.AppendNull() : integers.Append(value.Integer), () => integers.Build());
                case "address":
                    var addresses = new UInt64Array.Builder();
                    return (value => _ = value.Kind == SqlValueKind.Null ? addresses.AppendNull() : addresses.Append(unchecked((ulong)value.Integer)), () => addresses.Build());
                case "boolean":
                    var booleans = new BooleanArray.Builder();
                    return (value => _ = value.Kind == SqlValueKind.Null ? booleans.AppendNull() : booleans.Append(value.Integer != 0), () => booleans.Build());
                default:
                    var texts = new StringArray.Builder();
                    return (value => _ = value.Kind == SqlValueKind.Null ? texts.AppendNull() : texts.Append(value.ToString()), () => texts.Build());
            }
        }
    }
}
