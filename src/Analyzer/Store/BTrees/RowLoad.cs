namespace Replay.Analyzer.Store.BTrees;

/// <summary>Puts the records of one kind and one run into a <see cref="TableLoad"/>.</summary>
internal sealed class RowLoad<T, TLayout>(TableLoad table, int run) : IRowSink<T>
    where T : unmanaged
    where TLayout : IRowLayout<T>
{
    private readonly SpoolStream _rows = table.RowsOf(run);
    private readonly KeyOrder _order = new(table.Shape, run);

    public void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries)
    {
        var row = new RowValues(stackalloc long[RowValues.MaxColumns], run, entries);
        foreach (ref readonly var record in records)
        {
            row.Clear();
            TLayout.Bind(in record, ref row);
            _order.Check(row.Values);
            table.Add(_rows, row.Values, row.Nulls);
        }
    }

    public void Dispose()
    {
    }
}
