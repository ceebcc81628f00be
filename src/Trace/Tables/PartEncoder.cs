using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Replay.Trace.Columns;

namespace Replay.Trace.Tables;

/// <summary>Encodes one row group of a <see cref="PartFileWriter"/>. Its buffers are reused from group to group.</summary>
internal sealed class PartEncoder(ColumnChunkWriter writer, FileColumn[] files, IReadOnlyList<PartColumn> columns, PartScratch scratch)
{
    /// <summary>With more distinct values a dictionary is larger than what it saves.</summary>
    private const int MostEntries = PartFileWriter.GroupRows / 4;

    private readonly WideDictionary _dictionary = scratch.Dictionary;
    private readonly long[] _dense = scratch.Dense;
    private readonly ushort[] _indexes = scratch.Indexes;
    private readonly ushort[] _renumbered = scratch.Renumbered;
    private readonly byte[] _narrow = scratch.Narrow;
    private readonly byte[] _page = scratch.Page;

    /// <summary>Row groups of a column that go without a dictionary, after one that had too many distinct values for it.</summary>
    private const int Rest = 7;

    private readonly int[] _resting = new int[columns.Count];

    /// <summary>Which of the rows' numbers the dictionary and the indexes are of; -1: none.</summary>
    private int _numbered = -1;

    public RowGroupMeta Encode(long[][] values, byte[][] levels, int[] nulls, int rows)
    {
        _numbered = -1;
        var chunks = new ColumnChunkMeta[columns.Count];
        for (var i = 0; i < chunks.Length; i++)
        {
            var source = columns[i].Source;
            var at = Levels(levels[source].AsSpan(0, rows), nulls[source]);
            chunks[i] = Encode(i, Dense(values[source].AsSpan(0, rows), levels[source], nulls[source]), at, rows);
        }

        return new RowGroupMeta(rows, chunks);
    }

    private ColumnChunkMeta Encode(int i, ReadOnlySpan<long> dense, int at, int rows)
    {
        var (file, column, nulls) = (files[i], columns[i], rows - dense.Length);
        if (dense.IsEmpty)
            return writer.Write(file with { Encoding = PageEncoding.Plain }, [], 0, _page.AsSpan(0, at), rows, null, nulls);
        if (column.Text is { } text)
            return Texts(file, column.Source, text, dense, at, rows, nulls);
        if (column.Layout == PartLayout.Ascending)
        {
            at += DeltaEncoder.Encode(dense, _page.AsSpan(at), wholeBytes: true);
            return writer.Write(file with { Encoding = PageEncoding.DeltaBinaryPacked }, [], 0, _page.AsSpan(0, at), rows, Range(dense), nulls);
        }

        if (_resting[i] == 0)
        {
            if (Number(column.Source, dense) <= MostEntries)
            {
                at += Indexes(_indexes.AsSpan(0, dense.Length), _dictionary.Count, at);
                var entries = _dictionary.Entries;
                return writer.Write(
                    file with { Encoding = PageEncoding.RleDictionary },
                    MemoryMarshal.AsBytes(entries),
                    entries.Length,
                    _page.AsSpan(0, at),
                    rows,
                    Range(MemoryMarshal.Cast<ulong, long>(entries)),
                    nulls);
            }

            _resting[i] = Rest + 1;
        }

        _resting[i]--;
        MemoryMarshal.AsBytes(dense).CopyTo(_page.AsSpan(at));
        at += dense.Length * sizeof(long);
        return writer.Write(file, [], 0, _page.AsSpan(0, at), rows, Range(dense), nulls);
    }

    /// <summary>The dictionary has each text once, whatever numbers stand for it.</summary>
    private ColumnChunkMeta Texts(FileColumn file, int source, Func<long, string> text, ReadOnlySpan<long> dense, int at, int rows, int nulls)
    {
        Number(source, dense);
        var names = new List<string>();
        var known = new Dictionary<string, ushort>(StringComparer.Ordinal);
        var renumbered = new ushort[_dictionary.Count];
        for (var i = 0; i < renumbered.Length; i++)
        {
            var name = text((long)_dictionary.Entries[i]);
            if (!known.TryGetValue(name, out renumbered[i]))
            {
                known.Add(name, renumbered[i] = (ushort)names.Count);
                names.Add(name);
            }
        }

        for (var i = 0; i < dense.Length; i++)
            _renumbered[i] = renumbered[_indexes[i]];
        at += Indexes(_renumbered.AsSpan(0, dense.Length), names.Count, at);
        return writer.Write(file, TextDictionary.Page(CollectionsMarshal.AsSpan(names)), names.Count, _page.AsSpan(0, at), rows, null, nulls);
    }

    /// <returns>Distinct values.</returns>
    private int Number(int source, ReadOnlySpan<long> dense)
    {
        if (_numbered != source)
            _dictionary.Index(MemoryMarshal.Cast<long, ulong>(dense), 0, _indexes);
        _numbered = source;
        return _dictionary.Count;
    }

    /// <summary>Begins the page with its definition levels.</summary>
    private int Levels(ReadOnlySpan<byte> levels, int nulls)
    {
        // Mostly one run, which is known without a look.
        var length = nulls == 0 || nulls == levels.Length ? OneLevel(levels.Length, nulls == 0) : IndexEncoder.EncodeLevels(levels, _page.AsSpan(sizeof(int)));
        BinaryPrimitives.WriteInt32LittleEndian(_page, length);
        return sizeof(int) + length;
    }

    private int OneLevel(int rows, bool isThere)
    {
        var length = Varint.Write(_page.AsSpan(sizeof(int)), (ulong)rows << 1);
        _page[sizeof(int) + length] = isThere ? (byte)1 : (byte)0;
        return length + 1;
    }

    /// <summary>The values that are not null.</summary>
    private ReadOnlySpan<long> Dense(ReadOnlySpan<long> values, ReadOnlySpan<byte> levels, int nulls)
    {
        if (nulls == 0)
            return values;
        var count = 0;
        for (var i = 0; i < values.Length; i++)
        {
            _dense[count] = values[i];
            count += levels[i];
        }

        return _dense.AsSpan(0, count);
    }

    private int Indexes(ReadOnlySpan<ushort> indexes, int entries, int at)
    {
        if (entries > ByteDictionary.MaxEntries)
            return IndexEncoder.Encode(indexes, _page.AsSpan(at));
        for (var i = 0; i < indexes.Length; i++)
            _narrow[i] = (byte)indexes[i];
        return IndexEncoder.Encode(_narrow.AsSpan(0, indexes.Length), entries, _page.AsSpan(at));
    }

    private static (ulong Min, ulong Max) Range(ReadOnlySpan<long> values)
    {
        var (min, max) = (values[0], values[0]);
        var at = 0;
        if (values.Length >= Vector256<long>.Count)
        {
            var (least, most) = (Vector256.Create(values), Vector256.Create(values));
            for (; at <= values.Length - Vector256<long>.Count; at += Vector256<long>.Count)
            {
                var next = Vector256.Create(values[at..]);
                least = Vector256.Min(least, next);
                most = Vector256.Max(most, next);
            }

            for (var lane = 0; lane < Vector256<long>.Count; lane++)
                (min, max) = (Math.Min(min, least[lane]), Math.Max(max, most[lane]));
        }

        foreach (var value in values[at..])
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        return ((ulong)min, (ulong)max);
    }
}

/// <summary>What an encoder needs while it encodes: given from file to file, since many files are small.</summary>
internal sealed class PartScratch
{
    private static readonly ConcurrentBag<PartScratch> Free = [];

    private PartScratch()
    {
    }

    public WideDictionary Dictionary { get; } = new();

    public long[] Dense { get; } = new long[PartFileWriter.GroupRows];

    public ushort[] Indexes { get; } = new ushort[PartFileWriter.GroupRows];

    public ushort[] Renumbered { get; } = new ushort[PartFileWriter.GroupRows];

    public byte[] Narrow { get; } = new byte[PartFileWriter.GroupRows];

    public byte[] Page { get; } = new byte[
        IndexEncoder.MaxBytes(PartFileWriter.GroupRows) + sizeof(int) + Math.Max(DeltaEncoder.MaxBytes(PartFileWriter.GroupRows), PartFileWriter.GroupRows * sizeof(long))];

    public static PartScratch Take() => Free.TryTake(out var scratch) ? scratch : new PartScratch();

    public void GiveBack() => Free.Add(this);
}
