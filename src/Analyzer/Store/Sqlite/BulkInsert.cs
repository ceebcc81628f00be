namespace Replay.Analyzer.Store;

/// <summary>How all tables of records are filled.</summary>
internal static class BulkInsert
{
    /// <summary>Fewer pay for each execution, many more for a program and values that no longer fit the CPU's caches.</summary>
    public const int RowsPerStatement = 50;
}

/// <summary>Inserts batches of records into one table: many rows a statement, and single rows for the rest.</summary>
internal sealed class BulkInsert<T, TLayout>(NativeConnection connection) : IRowSink<T>
    where T : unmanaged
    where TLayout : IRowLayout<T>
{
    private readonly NativeStatement _many = connection.Prepare(Sql(BulkInsert.RowsPerStatement));
    private readonly NativeStatement _one = connection.Prepare(Sql(1));

    public void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries)
    {
        while (records.Length >= BulkInsert.RowsPerStatement)
        {
            Execute(_many, records[..BulkInsert.RowsPerStatement], run, entries);
            records = records[BulkInsert.RowsPerStatement..];
        }

        for (var i = 0; i < records.Length; i++)
            Execute(_one, records.Slice(i, 1), run, entries);
    }

    public void Dispose()
    {
        _many.Dispose();
        _one.Dispose();
    }

    private static void Execute(NativeStatement statement, ReadOnlySpan<T> records, int run, EntryClassifier entries)
    {
        var row = new RowValues(stackalloc long[RowValues.MaxColumns], run, entries);
        var parameter = 0;
        foreach (ref readonly var record in records)
        {
            row.Clear();
            TLayout.Bind(in record, ref row);
            var values = row.Values;
            for (var i = 0; i < values.Length; i++)
            {
                if ((row.Nulls >> i & 1) == 0)
                    _ = NativeSqlite.BindInt64(statement.Handle, ++parameter, values[i]);
                else
                    _ = NativeSqlite.BindNull(statement.Handle, ++parameter);
            }
        }

        statement.Step();
        statement.Reset();
    }

    private static string Sql(int rows)
    {
        var columns = TLayout.Columns;
        var marks = "(" + string.Join(',', Enumerable.Repeat('?', columns.Count(c => c == ',') + 1)) + ")";
        return $"INSERT OR FAIL INTO {TLayout.Table} ({columns}) VALUES {string.Join(',', Enumerable.Repeat(marks, rows))}";
    }
}
