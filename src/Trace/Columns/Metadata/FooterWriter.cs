namespace Replay.Trace.Columns;

/// <summary>Writes the footer of a file: Parquet's FileMetaData.</summary>
internal static class FooterWriter
{
    /// <summary>No annotation: bytes are bytes.</summary>
    public const int NotConverted = -1;

    private const int Utf8 = 0;
    private const int Uint8 = 11;
    private const int Uint16 = 12;
    private const int Uint32 = 13;
    private const int Uint64 = 14;
    private const int Sint64 = 18;
    private const int Required = 0;
    private const int Optional = 1;

    /// <param name="to">Where to write.</param>
    /// <param name="table">What is known of the file as a whole.</param>
    /// <param name="groups">What was written of it.</param>
    /// <param name="index">Where the page index of each row group's columns stands.</param>
    public static void Write(CompactWriter to, TableMeta table, List<RowGroupMeta> groups, PageIndexPlace[][] index)
    {
        var columns = table.Columns;
        to.Int32(1, 2);
        to.BeginList(2, CompactType.Struct, columns.Length + 1);
        WriteRoot(to, table.Name, columns.Length);
        foreach (var column in columns)
            WriteColumn(to, column);
        to.Int64(3, groups.Sum(group => (long)group.Rows));
        to.BeginList(4, CompactType.Struct, groups.Count);
        for (var i = 0; i < groups.Count; i++)
            WriteGroup(to, table, groups[i], index[i], i);
        WriteMetadata(to, table.Metadata);
        to.Text(6, "replay");
        WriteOrders(to, columns.Length);
        to.End();
    }

    /// <summary>The annotation that older readers understand.</summary>
    public static int ConvertedType(FileColumn column) => (column.Meaning, column.Bits) switch
    {
        (LogicalType.Text, _) => Utf8,
        (LogicalType.Bytes, _) => NotConverted,
        (LogicalType.Unsigned, 8) => Uint8,
        (LogicalType.Unsigned, 16) => Uint16,
        (LogicalType.Unsigned, 32) => Uint32,
        (LogicalType.Unsigned, _) => Uint64,
        _ => Sint64,
    };

    public static int Repetition(FileColumn column) => column.IsOptional ? Optional : Required;

    private static void WriteMetadata(CompactWriter to, ReadOnlySpan<(string Key, string Value)> metadata)
    {
        if (metadata.IsEmpty)
            return;
        to.BeginList(5, CompactType.Struct, metadata.Length);
        foreach (var (key, value) in metadata)
        {
            to.BeginElement();
            to.Text(1, key);
            to.Text(2, value);
            to.EndStruct();
        }
    }

    private static void WriteRoot(CompactWriter to, string root, int columns)
    {
        to.BeginElement();
        to.Text(4, root);
        to.Int32(5, columns);
        to.EndStruct();
    }

    private static void WriteColumn(CompactWriter to, FileColumn column)
    {
        to.BeginElement();
        to.Int32(1, (int)column.Type);
        to.Int32(3, Repetition(column));
        to.Text(4, column.Name);
        if (column.Meaning != LogicalType.Bytes)
        {
            to.Int32(6, ConvertedType(column));
            WriteLogicalType(to, column);
        }
        to.EndStruct();
    }

    private static void WriteLogicalType(CompactWriter to, FileColumn column)
    {
        var isText = column.Meaning == LogicalType.Text;
        to.BeginStruct(10);
        to.BeginStruct(isText ? 1 : 10);
        if (!isText)
        {
            to.Byte(1, (byte)column.Bits);
            to.Flag(2, column.Meaning == LogicalType.Signed);
        }
        to.EndStruct();
        to.EndStruct();
    }

    private static void WriteGroup(CompactWriter to, TableMeta table, RowGroupMeta group, PageIndexPlace[] index, int number)
    {
        to.BeginElement();
        var columns = table.Columns;
        to.BeginList(1, CompactType.Struct, columns.Length);
        for (var i = 0; i < columns.Length; i++)
        {
            to.BeginElement();
            to.Int64(2, 0);
            to.BeginStruct(3);
            WriteChunk(to, columns[i], group.Columns[i], table.HasAllBounds);
            to.EndStruct();
            WritePlace(to, index[i]);
            to.EndStruct();
        }
        to.Int64(2, group.Columns.Sum(chunk => chunk.RawBytes));
        to.Int64(3, group.Rows);
        if (group.SortedBy is { } sorted)
            WriteSorting(to, sorted);
        to.Int64(5, group.Extent.Start);
        to.Int64(6, group.Columns.Sum(chunk => chunk.StoredBytes));
        if (number <= short.MaxValue)
            to.Int16(7, (short)number);
        to.EndStruct();
    }

    private static void WritePlace(CompactWriter to, PageIndexPlace place)
    {
        to.Int64(4, place.PagesOffset);
        to.Int32(5, place.PagesLength);
        if (place.BoundsLength == 0)
            return;
        to.Int64(6, place.BoundsOffset);
        to.Int32(7, place.BoundsLength);
    }

    private static void WriteSorting(CompactWriter to, int column)
    {
        to.BeginList(4, CompactType.Struct, 1);
        to.BeginElement();
        to.Int32(1, column);
        to.Flag(2, false);
        to.Flag(3, false);
        to.EndStruct();
    }

    private static void WriteChunk(CompactWriter to, FileColumn column, in ColumnChunkMeta chunk, bool hasAllBounds)
    {
        to.Int32(1, (int)column.Type);
        WriteEncodings(to, column, chunk);
        to.BeginList(3, CompactType.Binary, 1);
        to.TextElement(column.Name);
        to.Int32(4, (int)chunk.Codec);
        to.Int64(5, chunk.Values);
        to.Int64(6, chunk.RawBytes);
        to.Int64(7, chunk.StoredBytes);
        to.Int64(9, chunk.DataOffset);
        if (chunk.DictionaryOffset is { } offset)
            to.Int64(11, offset);
        WriteStatistics(to, chunk, chunk.Range is not null || hasAllBounds);
    }

    private static void WriteEncodings(CompactWriter to, FileColumn column, ColumnChunkMeta chunk)
    {
        var hasDictionary = chunk.DictionaryOffset is not null;
        to.BeginList(2, CompactType.Int32, 1 + (hasDictionary ? 1 : 0) + (column.IsOptional ? 1 : 0));
        to.Int32Element((int)chunk.Encoding);
        if (hasDictionary)
            to.Int32Element((int)PageEncoding.Plain);
        if (column.IsOptional)
            to.Int32Element((int)PageEncoding.Rle);
    }

    private static void WriteStatistics(CompactWriter to, in ColumnChunkMeta chunk, bool hasBounds)
    {
        to.BeginStruct(12);
        to.Int64(3, chunk.Nulls);
        if (hasBounds && chunk.Bounds.Min is not null)
        {
            to.Binary(5, chunk.Bounds.Max);
            to.Binary(6, chunk.Bounds.Min);
        }
        to.EndStruct();
    }

    /// <summary>Says that the statistics follow each type's own order; without it readers must not use them.</summary>
    private static void WriteOrders(CompactWriter to, int columns)
    {
        to.BeginList(7, CompactType.Struct, columns);
        for (var i = 0; i < columns; i++)
        {
            to.BeginElement();
            to.BeginStruct(1);
            to.EndStruct();
            to.EndStruct();
        }
    }
}
