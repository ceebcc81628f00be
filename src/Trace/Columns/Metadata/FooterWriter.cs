using System.Buffers.Binary;

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
    /// <param name="root">Name of the table.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="groups">What was written of them.</param>
    /// <param name="metadata">Keys and values about the file as a whole.</param>
    public static void Write(CompactWriter to, string root, ReadOnlySpan<FileColumn> columns, List<RowGroupMeta> groups, ReadOnlySpan<(string Key, string Value)> metadata = default)
    {
        to.Int32(1, 2);
        to.BeginList(2, CompactType.Struct, columns.Length + 1);
        WriteRoot(to, root, columns.Length);
        foreach (var column in columns)
            WriteColumn(to, column);
        to.Int64(3, groups.Sum(group => (long)group.Rows));
        to.BeginList(4, CompactType.Struct, groups.Count);
        for (var i = 0; i < groups.Count; i++)
            WriteGroup(to, columns, groups[i]);
        WriteMetadata(to, metadata);
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

    private static void WriteGroup(CompactWriter to, ReadOnlySpan<FileColumn> columns, RowGroupMeta group)
    {
        to.BeginElement();
        to.BeginList(1, CompactType.Struct, columns.Length);
        for (var i = 0; i < columns.Length; i++)
        {
            to.BeginElement();
            to.Int64(2, 0);
            to.BeginStruct(3);
            WriteChunk(to, columns[i], group.Columns[i]);
            to.EndStruct();
            to.EndStruct();
        }
        to.Int64(2, group.Columns.Sum(chunk => chunk.RawBytes));
        to.Int64(3, group.Rows);
        to.EndStruct();
    }

    private static void WriteChunk(CompactWriter to, FileColumn column, ColumnChunkMeta chunk)
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
        if (chunk.Range is { } range)
            WriteRange(to, range, chunk.Nulls);
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

    private static void WriteRange(CompactWriter to, (ulong Min, ulong Max) range, int nulls)
    {
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        to.BeginStruct(12);
        to.Int64(3, nulls);
        BinaryPrimitives.WriteUInt64LittleEndian(bits, range.Max);
        to.Binary(5, bits);
        BinaryPrimitives.WriteUInt64LittleEndian(bits, range.Min);
        to.Binary(6, bits);
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
