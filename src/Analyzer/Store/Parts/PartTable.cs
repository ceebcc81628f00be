using System.Globalization;
using Replay.Trace.Tables;

namespace Replay.Analyzer.Store.Parts;

/// <summary>The rows of one table of one run, in files of a bounded size: <c>part-0.parquet</c>, <c>part-1.parquet</c>, ...</summary>
internal sealed class PartTable(string directory, string table, int numbers, IReadOnlyList<PartColumn> columns) : IDisposable
{
    /// <summary>About 40 MB of table writes.</summary>
    private const long RowsPerPart = 64L * PartFileWriter.GroupRows;

    private PartFileWriter? _file;

    /// <summary>Parts that are on the disk.</summary>
    public int Parts { get; private set; }

    public long Rows { get; private set; }

    public static string FileName(int part) => string.Create(CultureInfo.InvariantCulture, $"part-{part}.parquet");

    public void Add(ReadOnlySpan<long> values, uint nulls)
    {
        _file ??= Begin();
        _file.Add(values, nulls);
        Rows++;
        if (_file.Rows == RowsPerPart)
            EndPart();
    }

    /// <summary>Ends the file in hand, if there is one: what came so far is on the disk.</summary>
    public void EndPart()
    {
        if (_file is null)
            return;
        _file.Finish();
        _file.Dispose();
        _file = null;
        Parts++;
    }

    /// <summary>Goes on behind so many parts; later ones are removed.</summary>
    public void GoOn(int parts, long rows)
    {
        Parts = parts;
        Rows = rows;
        for (var part = 0; part < parts; part++)
        {
            if (!File.Exists(Path.Combine(directory, FileName(part))))
                throw new StoreException($"{Path.Combine(directory, FileName(part))}: is gone.");
        }

        for (var part = parts; File.Exists(Path.Combine(directory, FileName(part))); part++)
            File.Delete(Path.Combine(directory, FileName(part)));
    }

    public void Dispose() => _file?.Dispose();

    private PartFileWriter Begin()
    {
        Directory.CreateDirectory(directory);
        return new PartFileWriter(Path.Combine(directory, FileName(Parts)), table, numbers, columns);
    }
}

/// <summary>Puts the records of one kind into a <see cref="PartTable"/>.</summary>
internal sealed class PartRows<T, TLayout>(PartTable table) : IRowSink<T>
    where T : unmanaged
    where TLayout : IRowLayout<T>
{
    public void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries)
    {
        var row = new RowValues(stackalloc long[RowValues.MaxColumns], run, entries);
        foreach (ref readonly var record in records)
        {
            row.Clear();
            TLayout.Bind(in record, ref row);
            // The run is in the path.
            table.Add(row.Values[1..], row.Nulls >> 1);
        }
    }

    /// <summary>The table is its run's.</summary>
    public void Dispose()
    {
    }
}

/// <summary>Records that become rows in two places.</summary>
internal sealed class BothRows<T>(IRowSink<T> first, IRowSink<T> second) : IRowSink<T>
    where T : unmanaged
{
    public void Insert(ReadOnlySpan<T> records, int run, EntryClassifier entries)
    {
        first.Insert(records, run, entries);
        second.Insert(records, run, entries);
    }

    public void Dispose()
    {
        first.Dispose();
        second.Dispose();
    }
}
