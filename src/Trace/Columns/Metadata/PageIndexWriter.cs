using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Replay.Trace.Columns;

/// <summary>Bounds of a column's values as Parquet's PLAIN encoding has them.</summary>
/// <param name="Min">No value is lower, in the order of the column's type.</param>
/// <param name="Max">No value is higher.</param>
internal readonly record struct ColumnBounds(byte[]? Min, byte[]? Max)
{
    /// <summary>Texts beyond are no bounds: they would make the index larger than what it saves.</summary>
    private const int MostBytes = 64;

    /// <param name="range">Lowest and highest value as bits.</param>
    public static ColumnBounds Of((ulong Min, ulong Max) range)
    {
        var (min, max) = (new byte[sizeof(ulong)], new byte[sizeof(ulong)]);
        BinaryPrimitives.WriteUInt64LittleEndian(min, range.Min);
        BinaryPrimitives.WriteUInt64LittleEndian(max, range.Max);
        return new ColumnBounds(min, max);
    }

    /// <param name="column">Of narrow numbers or text.</param>
    /// <param name="dictionary">Its dictionary page.</param>
    public static ColumnBounds OfDictionary(FileColumn column, ReadOnlySpan<byte> dictionary) => (dictionary.IsEmpty, column.Type, column.Meaning) switch
    {
        (false, PhysicalType.Int32, LogicalType.Unsigned) => OfNumbers(MemoryMarshal.Cast<byte, uint>(dictionary)),
        (false, PhysicalType.ByteArray, LogicalType.Text) => OfTexts(dictionary),
        _ => default,
    };

    private static ColumnBounds OfNumbers(ReadOnlySpan<uint> values)
    {
        var (min, max) = (uint.MaxValue, uint.MinValue);
        foreach (var value in values)
            (min, max) = (Math.Min(min, value), Math.Max(max, value));
        var bounds = new ColumnBounds(new byte[sizeof(uint)], new byte[sizeof(uint)]);
        BinaryPrimitives.WriteUInt32LittleEndian(bounds.Min, min);
        BinaryPrimitives.WriteUInt32LittleEndian(bounds.Max, max);
        return bounds;
    }

    private static ColumnBounds OfTexts(ReadOnlySpan<byte> page)
    {
        ReadOnlySpan<byte> min = default, max = default;
        for (var first = true; !page.IsEmpty; first = false)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(page);
            var text = page.Slice(sizeof(int), length);
            if (first || text.SequenceCompareTo(min) < 0)
                min = text;
            if (first || text.SequenceCompareTo(max) > 0)
                max = text;
            page = page[(sizeof(int) + length)..];
        }

        return min.Length <= MostBytes && max.Length <= MostBytes ? new ColumnBounds(min.ToArray(), max.ToArray()) : default;
    }
}

/// <summary>Where the two parts of a column chunk's page index stand in the file. A length of 0: there is no such part.</summary>
internal readonly record struct PageIndexPlace(long BoundsOffset, int BoundsLength, long PagesOffset, int PagesLength);

/// <summary>
/// Writes the page index, by which readers pass over pages without opening them: Parquet's ColumnIndex (bounds and nulls of each page) and
/// OffsetIndex (where each page lies). It stands between the row groups and the footer. Each column chunk has one data page here.
/// </summary>
internal static class PageIndexWriter
{
    private const int Ascending = 1;

    /// <returns>For each row group its columns' places.</returns>
    public static PageIndexPlace[][] Write(ColumnChunkWriter to, CompactWriter scratch, List<RowGroupMeta> groups)
    {
        var places = new PageIndexPlace[groups.Count][];
        // All of one kind, then all of the other: a reader that wants bounds alone reads one stretch.
        for (var i = 0; i < places.Length; i++)
            places[i] = [.. groups[i].Columns.Select(chunk => WriteBounds(to, scratch, chunk))];
        for (var i = 0; i < places.Length; i++)
        {
            for (var column = 0; column < places[i].Length; column++)
                places[i][column] = WritePages(to, scratch, groups[i].Columns[column], places[i][column]);
        }

        return places;
    }

    private static PageIndexPlace WriteBounds(ColumnChunkWriter to, CompactWriter scratch, in ColumnChunkMeta chunk)
    {
        var isNull = chunk.Nulls == chunk.Values;
        if (chunk.Bounds.Min is null && !isNull)
            return default;
        scratch.Clear();
        scratch.BeginList(1, CompactType.True, 1);
        scratch.FlagElement(isNull);
        scratch.BeginList(2, CompactType.Binary, 1);
        scratch.BinaryElement(chunk.Bounds.Min);
        scratch.BeginList(3, CompactType.Binary, 1);
        scratch.BinaryElement(chunk.Bounds.Max);
        scratch.Int32(4, Ascending);
        scratch.BeginList(5, CompactType.Int64, 1);
        scratch.Int64Element(chunk.Nulls);
        scratch.End();
        var place = new PageIndexPlace { BoundsOffset = to.Position, BoundsLength = scratch.Written.Length };
        to.WriteRaw(scratch.Written);
        return place;
    }

    private static PageIndexPlace WritePages(ColumnChunkWriter to, CompactWriter scratch, in ColumnChunkMeta chunk, PageIndexPlace place)
    {
        var dictionary = chunk.DictionaryOffset is { } offset ? chunk.DataOffset - offset : 0;
        scratch.Clear();
        scratch.BeginList(1, CompactType.Struct, 1);
        scratch.BeginElement();
        scratch.Int64(1, chunk.DataOffset);
        scratch.Int32(2, (int)(chunk.StoredBytes - dictionary));
        scratch.Int64(3, 0);
        scratch.EndStruct();
        scratch.End();
        place = place with { PagesOffset = to.Position, PagesLength = scratch.Written.Length };
        to.WriteRaw(scratch.Written);
        return place;
    }
}
