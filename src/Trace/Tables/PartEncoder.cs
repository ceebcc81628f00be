using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
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
    private readonly byte[] _narrow = scratch.Narrow;
    private readonly byte[] _page = scratch.Page;

    public RowGroupMeta Encode(long[][] values, byte[][] levels, int rows)
    {
        var chunks = new ColumnChunkMeta[columns.Count];
        for (var i = 0; i < chunks.Length; i++)
            chunks[i] = Encode(files[i], columns[i], values[columns[i].Source].AsSpan(0, rows), levels[columns[i].Source].AsSpan(0, rows));
        return new RowGroupMeta(rows, chunks);
    }

    private ColumnChunkMeta Encode(FileColumn file, PartColumn column, ReadOnlySpan<long> values, ReadOnlySpan<byte> levels)
    {
        var at = Levels(levels);
        var dense = Dense(values, levels);
        var nulls = values.Length - dense.Length;
        if (dense.IsEmpty)
            return writer.Write(file with { Encoding = PageEncoding.Plain }, [], 0, _page.AsSpan(0, at), values.Length, null, nulls);
        if (column.Text is { } text)
            return Texts(file, text, dense, at, values.Length, nulls);
        var range = Range(dense);
        if (column.Layout == PartLayout.Few && Number(dense) <= MostEntries)
        {
            at += Indexes(dense.Length, _dictionary.Count, at);
            return writer.Write(
                file with { Encoding = PageEncoding.RleDictionary },
                MemoryMarshal.AsBytes(_dictionary.Entries),
                _dictionary.Count,
                _page.AsSpan(0, at),
                values.Length,
                range,
                nulls);
        }

        if (column.Layout == PartLayout.Plain)
        {
            MemoryMarshal.AsBytes(dense).CopyTo(_page.AsSpan(at));
            at += dense.Length * sizeof(long);
            return writer.Write(file, [], 0, _page.AsSpan(0, at), values.Length, range, nulls);
        }

        at += DeltaEncoder.Encode(dense, _page.AsSpan(at), wholeBytes: true);
        return writer.Write(file with { Encoding = PageEncoding.DeltaBinaryPacked }, [], 0, _page.AsSpan(0, at), values.Length, range, nulls);
    }

    /// <summary>The dictionary has each text once, whatever numbers stand for it.</summary>
    private ColumnChunkMeta Texts(FileColumn file, Func<long, string> text, ReadOnlySpan<long> dense, int at, int rows, int nulls)
    {
        Number(dense);
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
            _indexes[i] = renumbered[_indexes[i]];
        at += Indexes(dense.Length, names.Count, at);
        return writer.Write(file, TextDictionary.Page(CollectionsMarshal.AsSpan(names)), names.Count, _page.AsSpan(0, at), rows, null, nulls);
    }

    private int Number(ReadOnlySpan<long> dense)
    {
        _dictionary.Index(MemoryMarshal.Cast<long, ulong>(dense), 0, _indexes);
        return _dictionary.Count;
    }

    /// <summary>Begins the page with its definition levels.</summary>
    private int Levels(ReadOnlySpan<byte> levels)
    {
        var length = IndexEncoder.EncodeLevels(levels, _page.AsSpan(sizeof(int)));
        BinaryPrimitives.WriteInt32LittleEndian(_page, length);
        return sizeof(int) + length;
    }

    /// <summary>The values that are not null.</summary>
    private ReadOnlySpan<long> Dense(ReadOnlySpan<long> values, ReadOnlySpan<byte> levels)
    {
        if (!levels.Contains((byte)0))
            return values;
        var count = 0;
        for (var i = 0; i < values.Length; i++)
        {
            _dense[count] = values[i];
            count += levels[i];
        }

        return _dense.AsSpan(0, count);
    }

    private int Indexes(int count, int entries, int at)
    {
        if (entries > ByteDictionary.MaxEntries)
            return IndexEncoder.Encode(_indexes.AsSpan(0, count), _page.AsSpan(at));
        for (var i = 0; i < count; i++)
            _narrow[i] = (byte)_indexes[i];
        return IndexEncoder.Encode(_narrow.AsSpan(0, count), entries, _page.AsSpan(at));
    }

    private static (ulong Min, ulong Max) Range(ReadOnlySpan<long> values)
    {
        long min = long.MaxValue, max = long.MinValue;
        foreach (var value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }

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

    public byte[] Narrow { get; } = new byte[PartFileWriter.GroupRows];

    public byte[] Page { get; } = new byte[
        IndexEncoder.MaxBytes(PartFileWriter.GroupRows) + sizeof(int) + Math.Max(DeltaEncoder.MaxBytes(PartFileWriter.GroupRows), PartFileWriter.GroupRows * sizeof(long))];

    public static PartScratch Take() => Free.TryTake(out var scratch) ? scratch : new PartScratch();

    public void GiveBack() => Free.Add(this);
}
