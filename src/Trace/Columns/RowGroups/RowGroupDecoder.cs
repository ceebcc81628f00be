using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Replay.Trace.Storage;

namespace Replay.Trace.Columns;

/// <summary>Decodes one row group into the arrays of a chunk. Allocates nothing once it has run.</summary>
internal sealed class RowGroupDecoder(int vcpus) : IDisposable
{
    private const int PageShift = 12;
    private const uint PageMask = (1u << PageShift) - 1;

    /// <summary>Longer than any page: the offsets of a full row group take four bytes each, its ordinals less than eight.</summary>
    private const int MaxPageBytes = Effort.MaxGroupAccesses * sizeof(ulong);

    private readonly ulong[] _entries = new ulong[TraceChunk.Capacity];
    private uint[] _offsets = [];
    private int _entryCount;
    private bool _isWide;
    private byte[] _narrow = new byte[TraceChunk.Capacity];
    private ushort[] _wide = new ushort[TraceChunk.Capacity];
    private readonly PageReader _pages = new(MaxPageBytes);
    private readonly PageReader _offsetPages = new(Effort.MaxGroupAccesses * sizeof(int));

    /// <exception cref="InvalidDataException">The row group is not one that <see cref="RowGroupEncoder"/> wrote.</exception>
    public void Decode(ReadOnlySpan<byte> file, RowGroupMeta group, TraceChunk chunk, bool hasRips)
    {
        var rows = group.Rows;
        var columns = group.Columns;
        MakeRoom(rows);
        chunk.MakeRoom(rows);
        DeltaDecoder.Decode(_pages.Data(file, AccessColumn.Ordinal, columns[0]), chunk.Ordinals.AsSpan(0, rows));
        Bytes(file, AccessColumn.Vcpu, columns[1], chunk.Vcpus.AsSpan(0, rows), 0, vcpus - 1);
        Kinds(file, columns[2], chunk.Kinds.AsSpan(0, rows));
        Bytes(file, AccessColumn.Flags, columns[3], chunk.Flags.AsSpan(0, rows), 0, byte.MaxValue);
        Bytes(file, AccessColumn.Size, columns[4], chunk.Sizes.AsSpan(0, rows), 1, AccessRules.MaxSize);
        var offsets = Offsets(file, columns[7], chunk.Sizes.AsSpan(0, rows));
        Wide(file, AccessColumn.GvaPage, columns[5], PageShift, offsets, chunk.Gvas.AsSpan(0, rows));
        // Blocks number pages of both kinds together, so that only the dictionaries differ.
        if (PageReader.HaveSameData(file, columns[5], columns[6]))
            WideAgain(file, AccessColumn.GpaPage, columns[6], PageShift, offsets, chunk.Gpas.AsSpan(0, rows));
        else
            Wide(file, AccessColumn.GpaPage, columns[6], PageShift, offsets, chunk.Gpas.AsSpan(0, rows));
        if (hasRips)
            Wide(file, AccessColumn.Rip, columns[8], 0, [], chunk.Rips.AsSpan(0, rows));
        chunk.HasRips = hasRips;
        chunk.AccessCount = rows;
    }

    /// <summary>Decodes a row group of a touch index.</summary>
    /// <exception cref="InvalidDataException">It is none.</exception>
    public void DecodeTouches(ReadOnlySpan<byte> file, RowGroupMeta group, TraceChunk chunk, Span<long> numbers, bool hasRips)
    {
        Decode(file, group, chunk, hasRips);
        DeltaDecoder.Decode(_pages.Data(file, AccessColumn.Row, group.Columns[^1]), numbers[..group.Rows]);
    }

    /// <summary>The pages that a row group has something of: the dictionary of a column.</summary>
    public HashSet<ulong> PagesOf(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk) =>
        [.. MemoryMarshal.Cast<byte, ulong>(_pages.Dictionary(file, column, chunk, out _))];

    public void Dispose()
    {
        _pages.Dispose();
        _offsetPages.Dispose();
    }

    private void MakeRoom(int rows)
    {
        if (_narrow.Length >= rows)
            return;
        _narrow = new byte[rows];
        _wide = new ushort[rows];
    }

    private void Kinds(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, Span<byte> kinds)
    {
        if (!_pages.Dictionary(file, AccessColumn.Access, chunk, out var entries).SequenceEqual(RowGroupEncoder.AccessKinds))
            throw new InvalidDataException("access has other kinds than captures have");
        IndexDecoder.Decode(_pages.Data(file, AccessColumn.Access, chunk), entries, kinds);
    }

    private void Bytes(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, Span<byte> values, int min, int max)
    {
        var dictionary = MemoryMarshal.Cast<byte, int>(_pages.Dictionary(file, column, chunk, out var entries));
        if (dictionary.Length != entries || entries > 256 || dictionary.IndexOfAnyExceptInRange(min, max) >= 0)
            throw new InvalidDataException($"{column.Name} has values outside {min} to {max}");
        Span<byte> map = stackalloc byte[256];
        map.Clear();
        for (var i = 0; i < entries; i++)
            map[i] = (byte)dictionary[i];
        IndexDecoder.Decode(_pages.Data(file, column, chunk), entries, values);
        Map(values, map, entries);
    }

    /// <summary>Replaces each index by the value it stands for.</summary>
    private static void Map(Span<byte> values, ReadOnlySpan<byte> map, int entries)
    {
        var at = 0;
        if (entries <= Vector128<byte>.Count)
        {
            var table = Vector128.Create(map[..Vector128<byte>.Count]);
            ref var first = ref MemoryMarshal.GetReference(values);
            for (; at <= values.Length - Vector128<byte>.Count; at += Vector128<byte>.Count)
                Vector128.Shuffle(table, Vector128.LoadUnsafe(ref first, (nuint)at)).StoreUnsafe(ref first, (nuint)at);
        }
        for (; at < values.Length; at++)
            values[at] = map[values[at]];
    }

    /// <summary>The offsets of accesses whose sizes are known, none of which leaves its page.</summary>
    private ReadOnlySpan<uint> Offsets(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, ReadOnlySpan<byte> sizes)
    {
        var offsets = chunk.DictionaryOffset is null
            ? MemoryMarshal.Cast<byte, uint>(_offsetPages.Data(file, AccessColumn.PageOffset, chunk))
            : PackedOffsets(file, chunk, sizes.Length);
        if (offsets.Length != sizes.Length || offsets.IndexOfAnyExceptInRange(0u, PageMask) >= 0)
            throw new InvalidDataException("an offset lies outside its page");
        var lastBytes = 0u;
        for (var i = 0; i < sizes.Length; i++)
            lastBytes |= offsets[i] + sizes[i] - 1;
        return lastBytes <= PageMask ? offsets : throw new InvalidDataException("an access crosses a page");
    }

    /// <summary>Offsets whose dictionary is the one that makes each its own index.</summary>
    private ReadOnlySpan<uint> PackedOffsets(ReadOnlySpan<byte> file, ColumnChunkMeta chunk, int rows)
    {
        if (!_pages.Dictionary(file, AccessColumn.PageOffsetIndex, chunk, out _).SequenceEqual(OffsetPage.Dictionary))
            throw new InvalidDataException("the dictionary of page_offset is not the numbers from 0 to 4095");
        if (_offsets.Length < rows)
            _offsets = new uint[rows];
        var offsets = _offsets.AsSpan(0, rows);
        OffsetPage.Decode(_pages.Data(file, AccessColumn.PageOffsetIndex, chunk), offsets);
        return offsets;
    }

    private void Wide(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, int shift, ReadOnlySpan<uint> offsets, Span<ulong> values)
    {
        _entryCount = Entries(file, column, chunk, shift);
        var data = _pages.Data(file, column, chunk);
        _isWide = IndexDecoder.IsWide(data);
        if (_isWide)
            IndexDecoder.Decode(data, _entryCount, _wide.AsSpan(0, values.Length));
        else
            IndexDecoder.Decode(data, _entryCount, _narrow.AsSpan(0, values.Length));
        Gather(offsets, values);
    }

    /// <summary>The same indexes as the column before, into another dictionary.</summary>
    private void WideAgain(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, int shift, ReadOnlySpan<uint> offsets, Span<ulong> values)
    {
        if (Entries(file, column, chunk, shift) < _entryCount)
            throw new InvalidDataException("an index lies outside its dictionary");
        Gather(offsets, values);
    }

    /// <returns>How many there are.</returns>
    private int Entries(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, int shift)
    {
        var dictionary = MemoryMarshal.Cast<byte, ulong>(_pages.Dictionary(file, column, chunk, out var entries));
        if (dictionary.Length != entries)
            throw new InvalidDataException($"the dictionary of {column.Name} has another length");
        for (var i = 0; i < entries; i++)
            _entries[i] = dictionary[i] << shift;
        return entries;
    }

    private void Gather(ReadOnlySpan<uint> offsets, Span<ulong> values)
    {
        if (_isWide)
            Gather<ushort>(_wide.AsSpan(0, values.Length), offsets, values);
        else
            Gather<byte>(_narrow.AsSpan(0, values.Length), offsets, values);
    }

    /// <summary>
    /// Looks every index up and adds its offset, if there are offsets. Indexes were checked against the dictionary, so that no lookup is
    /// checked again.
    /// </summary>
    private void Gather<TIndex>(ReadOnlySpan<TIndex> indexes, ReadOnlySpan<uint> offsets, Span<ulong> values)
        where TIndex : unmanaged
    {
        ref var entries = ref MemoryMarshal.GetArrayDataReference(_entries);
        if (offsets.IsEmpty)
        {
            for (var i = 0; i < values.Length; i++)
                values[i] = Unsafe.Add(ref entries, Widen(indexes[i]));
            return;
        }
        for (var i = 0; i < values.Length; i++)
            values[i] = Unsafe.Add(ref entries, Widen(indexes[i])) | offsets[i];
    }

    private static int Widen<TIndex>(TIndex index)
        where TIndex : unmanaged => typeof(TIndex) == typeof(byte) ? Unsafe.BitCast<TIndex, byte>(index) : Unsafe.BitCast<TIndex, ushort>(index);
}
