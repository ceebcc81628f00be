using System.Numerics;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Tables;

/// <summary>
/// Writes rows of 64-bit numbers as a Parquet file that appears whole or not at all: our own encoder, a hundred times as fast as one that
/// takes a row's values one by one. Holds one row group in memory.
/// </summary>
/// <remarks>
/// All numbers are signed 64-bit integers, as in SQLite, so that every engine compares them alike. Each column of each row group has its
/// lowest and highest value and its count of nulls, in the footer and in the page index; a row group whose rows follow its first ascending
/// column says so (Parquet's sorting_columns).
/// </remarks>
public sealed class PartFileWriter : IDisposable
{
    /// <summary>Rows of a row group: as many as a dictionary's numbers can tell apart.</summary>
    public const int GroupRows = WideDictionary.MaxEntries;

    /// <summary>Most tables of a small run have no more; the room grows with the rows.</summary>
    private const int FewRows = 256;

    /// <summary>One of ZSTD's fast levels: the columns are encoded already, and level 1 takes as much time as all else for an eighth fewer bytes.</summary>
    private const int Level = -1;

    private readonly string _path;
    private readonly string _table;
    private readonly FileStream _file;
    private readonly FileColumn[] _columns;
    private readonly ColumnChunkWriter _writer;
    private readonly PartEncoder _encoder;
    private readonly PartScratch _scratch = PartScratch.Take();
    private readonly List<RowGroupMeta> _groups = [];
    private readonly long[][] _values;
    private readonly byte[][] _levels;

    /// <summary>How many of each number in the row group are null.</summary>
    private readonly int[] _nulls;

    /// <summary>The first column whose values mostly ascend, and which of the numbers it holds.</summary>
    private readonly int? _ascending;
    private readonly int _source;
    private int _rows;
    private bool _isFinished;
    private bool _isDisposed;

    /// <param name="path">The file. Until it is whole it has another name.</param>
    /// <param name="table">What the rows are.</param>
    /// <param name="numbers">Numbers of a row.</param>
    /// <param name="columns">What becomes of them.</param>
    public PartFileWriter(string path, string table, int numbers, IReadOnlyList<PartColumn> columns)
    {
        _path = path;
        _table = table;
        _columns = [.. columns.Select(ColumnOf)];
        _values = [.. Enumerable.Range(0, numbers).Select(_ => new long[FewRows])];
        _levels = [.. Enumerable.Range(0, numbers).Select(_ => new byte[FewRows])];
        foreach (var levels in _levels)
            levels.AsSpan().Fill(1);
        _nulls = new int[numbers];
        var ascending = columns.ToList().FindIndex(static column => column.Layout == PartLayout.Ascending);
        if (ascending >= 0)
            (_ascending, _source) = (ascending, columns[ascending].Source);
        _file = DurableFile.CreatePartial(path);
        _writer = new ColumnChunkWriter(PageCompressor.Create(Level, isHasty: true));
        _encoder = new PartEncoder(_writer, _columns, columns, _scratch);
        _writer.Open(_file);
        ParquetFile.Begin(_writer);
    }

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <param name="numbers">Of one row.</param>
    /// <param name="nulls">Bit n: number n is null.</param>
    public void Add(ReadOnlySpan<long> numbers, uint nulls)
    {
        var row = _rows;
        if (row == _values[0].Length)
            Grow();
        for (var i = 0; i < numbers.Length; i++)
            _values[i][row] = numbers[i];
        for (var i = numbers.Length; i < _levels.Length; i++)
            SetNull(i, row);
        for (; nulls != 0; nulls &= nulls - 1)
            SetNull(BitOperations.TrailingZeroCount(nulls), row);
        Rows++;
        if (++_rows == GroupRows)
            EndGroup();
    }

    /// <summary>Writes the rest, waits until the disk has it, and gives the file its name.</summary>
    public void Finish()
    {
        EndGroup();
        ParquetFile.Finish(_writer, new TableMeta(_table, _columns, []) { HasAllBounds = true }, _groups);
        DurableFile.Finish(_file);
        DurableFile.Publish(_path);
        DurableFile.FlushDirectory(Path.GetDirectoryName(Path.GetFullPath(_path))!);
        _isFinished = true;
    }

    /// <summary>Without <see cref="Finish"/> nothing stays.</summary>
    public void Dispose()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        _writer.Dispose();
        _file.Dispose();
        _scratch.GiveBack();
        if (!_isFinished)
            File.Delete(_file.Name);
    }

    private static FileColumn ColumnOf(PartColumn column) => column.Text is null
        ? new FileColumn(column.Name, PhysicalType.Int64, LogicalType.Signed, 64, PageEncoding.Plain, IsOptional: true)
        : new FileColumn(column.Name, PhysicalType.ByteArray, LogicalType.Text, 0, PageEncoding.RleDictionary, IsOptional: true);

    private void SetNull(int number, int row)
    {
        _levels[number][row] = 0;
        _nulls[number]++;
    }

    /// <summary>Whether the rows of the group follow the first of the columns that are to ascend.</summary>
    private bool Ascends()
    {
        if (_ascending is null || _nulls[_source] > 0)
            return false;
        var values = _values[_source].AsSpan(0, _rows);
        for (var i = 1; i < values.Length; i++)
        {
            if (values[i] < values[i - 1])
                return false;
        }

        return true;
    }

    private void Grow()
    {
        for (var i = 0; i < _values.Length; i++)
        {
            var filled = _levels[i].Length;
            Array.Resize(ref _values[i], Math.Min(GroupRows, _values[i].Length * 4));
            Array.Resize(ref _levels[i], _values[i].Length);
            _levels[i].AsSpan(filled).Fill(1);
        }
    }

    private void EndGroup()
    {
        if (_rows > 0)
            _groups.Add(_encoder.Encode(_values, _levels, _nulls, _rows) with { SortedBy = Ascends() ? _ascending : null });
        _rows = 0;
        for (var i = 0; i < _nulls.Length; i++)
        {
            if (_nulls[i] > 0)
                _levels[i].AsSpan().Fill(1);
            _nulls[i] = 0;
        }
    }
}
