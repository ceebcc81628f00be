using System.Runtime.InteropServices;
using Replay.Trace.Storage;

namespace Replay.Trace.Columns;

/// <summary>Encodes stretches of accesses as row groups. Its buffers are reused from one to the next.</summary>
internal sealed class RowGroupEncoder(ColumnChunkWriter writer, Effort effort)
{
    private const int PageShift = 12;
    private const ulong OffsetMask = (1UL << PageShift) - 1;

    private readonly WideDictionary _wide = new();
    private readonly byte[] _narrow = new byte[effort.GroupAccesses];
    private readonly ushort[] _indexes = new ushort[effort.GroupAccesses];
    private readonly byte[] _packedOffsetDictionary = effort.PackOffsets ? ColumnChunkWriter.Pack(OffsetPage.Dictionary) : [];
    private readonly byte[] _data = new byte[Math.Max(DeltaEncoder.MaxBytes(effort.GroupAccesses), IndexEncoder.MaxBytes(effort.GroupAccesses))];

    /// <summary>The dictionary page of the access kinds: the same in every row group.</summary>
    public static byte[] AccessKinds { get; } = TextDictionary.Page(AccessKindName.All);

    /// <summary>Whether a block can be one row group: it must not have more pages or instructions than their dictionaries can.</summary>
    public bool Fits(TraceChunk block, bool hasRips)
    {
        var rows = block.AccessCount;
        return rows <= WideDictionary.MaxEntries
            || (_wide.Fits(block.Gvas.AsSpan(0, rows), PageShift) && _wide.Fits(block.Gpas.AsSpan(0, rows), PageShift)
                && (!hasRips || _wide.Fits(block.Rips.AsSpan(0, rows), 0)));
    }

    /// <summary>Encodes accesses that keep the <see cref="AccessRules"/>: [<paramref name="from"/>, <paramref name="from"/> + <paramref name="rows"/>) of a block.</summary>
    public RowGroupMeta Encode(TraceChunk block, int from, int rows, bool hasRips)
    {
        var columns = new ColumnChunkMeta[AccessColumn.All(hasRips).Length];
        var at = 0;
        columns[at++] = Ordinals(block.Ordinals.AsSpan(from, rows));
        columns[at++] = Bytes(AccessColumn.Vcpu, block.Vcpus.AsSpan(from, rows));
        columns[at++] = Kinds(block.Kinds.AsSpan(from, rows));
        columns[at++] = Bytes(AccessColumn.Flags, block.Flags.AsSpan(from, rows));
        columns[at++] = Bytes(AccessColumn.Size, block.Sizes.AsSpan(from, rows));
        columns[at++] = Wide(AccessColumn.GvaPage, block.Gvas.AsSpan(from, rows), PageShift);
        columns[at++] = Wide(AccessColumn.GpaPage, block.Gpas.AsSpan(from, rows), PageShift);
        columns[at++] = effort.PackOffsets ? PackedOffsets(block.Gvas.AsSpan(from, rows)) : Offsets(block.Gvas.AsSpan(from, rows));
        if (hasRips)
            columns[at] = Wide(AccessColumn.Rip, block.Rips.AsSpan(from, rows), 0);
        return new RowGroupMeta(rows, columns) { SortedBy = 0 };
    }

    /// <summary>Encodes a row group of a touch index.</summary>
    /// <param name="touches">The accesses.</param>
    /// <param name="numbers">Of their rows.</param>
    /// <param name="hasRips">With instruction addresses.</param>
    public RowGroupMeta EncodeTouches(TraceChunk touches, ReadOnlySpan<long> numbers, bool hasRips)
    {
        var group = Encode(touches, 0, touches.AccessCount, hasRips);
        var length = DeltaEncoder.Encode(numbers, _data, effort.WholeByteDeltas);
        var row = writer.Write(AccessColumn.Row, [], 0, _data.AsSpan(0, length), numbers.Length, ((ulong)numbers[0], (ulong)numbers[^1]));
        return group with { Columns = [.. group.Columns, row] };
    }

    private ColumnChunkMeta Ordinals(ReadOnlySpan<long> ordinals)
    {
        var length = DeltaEncoder.Encode(ordinals, _data, effort.WholeByteDeltas);
        return writer.Write(AccessColumn.Ordinal, [], 0, _data.AsSpan(0, length), ordinals.Length, ((ulong)ordinals[0], (ulong)ordinals[^1]));
    }

    private ColumnChunkMeta Kinds(ReadOnlySpan<byte> kinds)
    {
        var length = IndexEncoder.Encode(kinds, AccessKindName.All.Length, _data);
        return writer.Write(AccessColumn.Access, AccessKinds, AccessKindName.All.Length, _data.AsSpan(0, length), kinds.Length, null);
    }

    private ColumnChunkMeta Bytes(FileColumn column, ReadOnlySpan<byte> values)
    {
        Span<int> dictionary = stackalloc int[ByteDictionary.MaxEntries];
        var entries = ByteDictionary.Index(values, dictionary, _narrow);
        var length = IndexEncoder.Encode(_narrow.AsSpan(0, values.Length), entries, _data);
        return writer.Write(column, MemoryMarshal.AsBytes(dictionary[..entries]), entries, _data.AsSpan(0, length), values.Length, null);
    }

    private ColumnChunkMeta Wide(FileColumn column, ReadOnlySpan<ulong> values, int shift)
    {
        var indexes = _indexes.AsSpan(0, values.Length);
        _wide.Index(values, shift, indexes);
        int length;
        if (_wide.Count <= 256)
        {
            var narrow = _narrow.AsSpan(0, values.Length);
            Lanes.Narrow(indexes, narrow);
            length = IndexEncoder.Encode(narrow, _wide.Count, _data);
        }
        else
        {
            length = IndexEncoder.Encode(indexes, _data);
        }
        return writer.Write(column, MemoryMarshal.AsBytes(_wide.Entries), _wide.Count, _data.AsSpan(0, length), values.Length, Range(_wide.Entries));
    }

    private ColumnChunkMeta PackedOffsets(ReadOnlySpan<ulong> addresses)
    {
        var offsets = _indexes.AsSpan(0, addresses.Length);
        Lanes.NarrowMasked(addresses, OffsetMask, offsets);
        var length = OffsetPage.Encode(offsets, _data);
        return writer.WriteRawData(AccessColumn.PageOffsetIndex, OffsetPage.Dictionary, _packedOffsetDictionary, OffsetPage.Entries, _data.AsSpan(0, length), offsets.Length);
    }

    private ColumnChunkMeta Offsets(ReadOnlySpan<ulong> addresses)
    {
        var offsets = MemoryMarshal.Cast<byte, int>(_data.AsSpan())[..addresses.Length];
        Lanes.NarrowMasked(addresses, OffsetMask, offsets);
        return writer.Write(AccessColumn.PageOffset, [], 0, MemoryMarshal.AsBytes(offsets), offsets.Length, null);
    }

    public static (ulong Min, ulong Max) Range(ReadOnlySpan<ulong> values)
    {
        var min = ulong.MaxValue;
        var max = ulong.MinValue;
        foreach (var value in values)
        {
            min = Math.Min(min, value);
            max = Math.Max(max, value);
        }
        return (min, max);
    }
}
