using Replay.Analyzer.Query;
using Replay.Analyzer.Schema;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Export;

/// <summary>Rows of a view as a Parquet file. Addresses become unsigned there, booleans true and false.</summary>
internal sealed class ViewFile : ViewWriter
{
    private readonly TableFileWriter _writer;
    private readonly bool[] _isText;

    public ViewFile(string path, IReadOnlyList<ViewColumn> columns)
    {
        _writer = new TableFileWriter(path, [.. columns.Select(column => new TableColumn(column.Name, TypeOf(column)))]);
        _isText = [.. columns.Select(column => TypeOf(column) is TableColumnType.Text or TableColumnType.Word)];
    }

    public override void Finish() => _writer.Finish();

    public override void Dispose() => _writer.Dispose();

    protected override void WriteRow(IQueryRows rows)
    {
        for (var i = 0; i < _isText.Length; i++)
        {
            var value = rows[i];
            if (value.Kind == SqlValueKind.Null)
                continue;
            if (_isText[i])
                _writer.Set(i, value.ToString());
            else
                _writer.Set(i, value.Integer);
        }

        _writer.EndRow();
    }

    private static TableColumnType TypeOf(ViewColumn column) => column.Type switch
    {
        "integer" => TableColumnType.Integer,
        "address" => TableColumnType.Unsigned,
        "boolean" => TableColumnType.Boolean,
        "hex" => TableColumnType.Text,
        _ => column.Name is "text" or "tracepoint_line" ? TableColumnType.Text : TableColumnType.Word,
    };
}
