using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Replay.Trace.Columns;

/// <summary>
/// Encodes blocks of accesses as row groups, in haste: nothing is looked up, and what pages and their frames have in common is compressed once.
/// Its buffers are reused from one to the next.
/// </summary>
internal sealed class BlockEncoder(ColumnChunkWriter writer)
{
    /// <summary>Sizes up to here are their own index, less one.</summary>
    private const int CommonSizes = 16;

    private readonly byte[] _narrow = new byte[AccessBlock.Capacity];
    private readonly byte[] _packedOffsetDictionary = ColumnChunkWriter.Pack(OffsetPage.Dictionary);
    private readonly byte[] _data = new byte[Math.Max(DeltaEncoder.MaxBytes(AccessBlock.Capacity), IndexEncoder.MaxBytes(AccessBlock.Capacity))];

    private static byte[] CommonSizeDictionary { get; } = MemoryMarshal.AsBytes<int>(Enumerable.Range(1, CommonSizes).ToArray()).ToArray();

    /// <summary>Encodes a block that keeps the <see cref="BlockRules"/>.</summary>
    public RowGroupMeta Encode(AccessBlock block, bool hasRips)
    {
        var rows = block.Count;
        var columns = new ColumnChunkMeta[AccessColumn.All(hasRips).Length];
        columns[0] = Ordinals(block);
        columns[1] = Bytes(AccessColumn.Vcpu, block.Vcpus.AsSpan(0, rows));
        columns[2] = Kinds(block.Kinds.AsSpan(0, rows));
        columns[3] = Bytes(AccessColumn.Flags, block.Flags.AsSpan(0, rows));
        columns[4] = Sizes(block.Sizes.AsSpan(0, rows));
        var places = Indexes(block.Places.AsSpan(0, rows), block.GvaPages.Length);
        columns[5] = Wide(AccessColumn.GvaPage, block.GvaPages, places, rows);
        columns[6] = writer.WriteAgain(AccessColumn.GpaPage, MemoryMarshal.AsBytes(block.GpaPages), block.GpaPages.Length, places, rows, RowGroupEncoder.Range(block.GpaPages));
        columns[7] = Offsets(block.Offsets.AsSpan(0, rows));
        if (hasRips)
            columns[8] = Wide(AccessColumn.Rip, block.RipEntries, Indexes(block.Rips.AsSpan(0, rows), block.RipEntries.Length), rows);
        return new RowGroupMeta(rows, columns) { SortedBy = 0 };
    }

    private ColumnChunkMeta Ordinals(AccessBlock block)
    {
        var length = DeltaEncoder.Encode(block.Runs, block.Count, _data);
        return writer.Write(AccessColumn.Ordinal, [], 0, _data.AsSpan(0, length), block.Count, ((ulong)block.FirstOrdinal, (ulong)block.LastOrdinal));
    }

    /// <summary>Two bits an access, of which ZSTD would save one, and take an eighth of its time for it.</summary>
    private ColumnChunkMeta Kinds(ReadOnlySpan<byte> kinds)
    {
        var length = IndexEncoder.EncodeWhole(kinds, AccessKindName.All.Length, _data);
        return writer.WriteUncompressed(AccessColumn.Access, RowGroupEncoder.AccessKinds, AccessKindName.All.Length, _data.AsSpan(0, length), kinds.Length);
    }

    private ColumnChunkMeta Bytes(FileColumn column, ReadOnlySpan<byte> values)
    {
        Span<int> dictionary = stackalloc int[ByteDictionary.MaxEntries];
        var entries = ByteDictionary.Index(values, dictionary, _narrow);
        var length = IndexEncoder.EncodeWhole(_narrow.AsSpan(0, values.Length), entries, _data);
        return writer.Write(column, MemoryMarshal.AsBytes(dictionary[..entries]), entries, _data.AsSpan(0, length), values.Length, null);
    }

    private ColumnChunkMeta Sizes(ReadOnlySpan<byte> sizes)
    {
        if (sizes.IndexOfAnyExceptInRange((byte)1, (byte)CommonSizes) >= 0)
            return Bytes(AccessColumn.Size, sizes);
        var i = 0;
        for (; i <= sizes.Length - Vector256<byte>.Count; i += Vector256<byte>.Count)
            (Vector256.Create(sizes[i..]) - Vector256<byte>.One).CopyTo(_narrow.AsSpan(i));
        for (; i < sizes.Length; i++)
            _narrow[i] = (byte)(sizes[i] - 1);
        var length = IndexEncoder.EncodeWhole(_narrow.AsSpan(0, sizes.Length), CommonSizes, _data);
        return writer.Write(AccessColumn.Size, CommonSizeDictionary, CommonSizes, _data.AsSpan(0, length), sizes.Length, null);
    }

    private ColumnChunkMeta Wide(FileColumn column, ReadOnlySpan<ulong> dictionary, ReadOnlySpan<byte> indexes, int rows) =>
        writer.Write(column, MemoryMarshal.AsBytes(dictionary), dictionary.Length, indexes, rows, RowGroupEncoder.Range(dictionary));

    private ReadOnlySpan<byte> Indexes(ReadOnlySpan<ushort> indexes, int entries)
    {
        if (entries > 256)
            return _data.AsSpan(0, IndexEncoder.EncodeWhole(indexes, _data));
        var narrow = _narrow.AsSpan(0, indexes.Length);
        Lanes.Narrow(indexes, narrow);
        return _data.AsSpan(0, IndexEncoder.EncodeWhole(narrow, entries, _data));
    }

    private ColumnChunkMeta Offsets(ReadOnlySpan<ushort> offsets)
    {
        var length = OffsetPage.Encode(offsets, _data);
        return writer.WriteRawData(AccessColumn.PageOffsetIndex, OffsetPage.Dictionary, _packedOffsetDictionary, OffsetPage.Entries, _data.AsSpan(0, length), offsets.Length);
    }
}
