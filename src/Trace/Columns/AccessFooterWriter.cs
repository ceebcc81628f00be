using System.Buffers.Binary;

namespace Replay.Trace.Columns;

/// <summary>Writes the footer of an access file: Parquet's FileMetaData.</summary>
internal static class AccessFooterWriter
{
    private const int Utf8 = 0;
    private const int Uint8 = 11;
    private const int Uint16 = 12;
    private const int Uint64 = 14;
    private const int Sint64 = 18;
    private const int Required = 0;

    public static void Write(CompactWriter to, bool hasRips, List<RowGroupMeta> groups)
    {
        var columns = AccessColumn.All(hasRips);
        to.Int32(1, 2);
        to.BeginList(2, CompactType.Struct, columns.Length + 1);
        WriteRoot(to, columns.Length);
        foreach (var column in columns)
            WriteColumn(to, column);
        to.Int64(3, groups.Sum(group => (long)group.Rows));
        to.BeginList(4, CompactType.Struct, groups.Count);
        for (var i = 0; i < groups.Count; i++)
            WriteGroup(to, columns, groups[i]);
        to.Text(6, "replay");
        WriteOrders(to, columns.Length);
        to.End();
    }

    /// <summary>The annotation that older readers understand.</summary>
    public static int ConvertedType(AccessColumn column) => (column.Bits, column.IsSigned) switch
    {
        (0, _) => Utf8,
        (8, false) => Uint8,
        (16, false) => Uint16,
        (64, false) => Uint64,
        _ => Sint64,
    };

    private static void WriteRoot(CompactWriter to, int columns)
    {
        to.BeginElement();
        to.Text(4, "accesses");
        to.Int32(5, columns);
        to.EndStruct();
    }

    private static void WriteColumn(CompactWriter to, AccessColumn column)
    {
        to.BeginElement();
        to.Int32(1, (int)column.Type);
        to.Int32(3, Required);
        to.Text(4, column.Name);
        to.Int32(6, ConvertedType(column));
        to.BeginStruct(10);
        to.BeginStruct(column.IsText ? 1 : 10);
        if (!column.IsText)
        {
            to.Byte(1, (byte)column.Bits);
            to.Flag(2, column.IsSigned);
        }
        to.EndStruct();
        to.EndStruct();
        to.EndStruct();
    }

    private static void WriteGroup(CompactWriter to, ReadOnlySpan<AccessColumn> columns, RowGroupMeta group)
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

    private static void WriteChunk(CompactWriter to, AccessColumn column, ColumnChunkMeta chunk)
    {
        to.Int32(1, (int)column.Type);
        to.BeginList(2, CompactType.Int32, chunk.DictionaryOffset is null ? 1 : 2);
        to.Int32Element((int)column.Encoding);
        if (chunk.DictionaryOffset is not null)
            to.Int32Element((int)PageEncoding.Plain);
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
            WriteRange(to, range);
    }

    private static void WriteRange(CompactWriter to, (ulong Min, ulong Max) range)
    {
        Span<byte> bits = stackalloc byte[sizeof(ulong)];
        to.BeginStruct(12);
        to.Int64(3, 0);
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
