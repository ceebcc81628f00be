namespace Replay.Trace.Columns;

/// <summary>What the values of a column mean, beside how they are stored.</summary>
internal enum LogicalType
{
    Unsigned,
    Signed,
    Text,
    Bytes,
}

/// <summary>Parquet's physical types, as far as access files use them. The values are Parquet's.</summary>
internal enum PhysicalType
{
    Int32 = 1,
    Int64 = 2,
    ByteArray = 6,
}

/// <summary>Types in Thrift's compact protocol. The values are Thrift's.</summary>
internal enum CompactType
{
    Stop = 0,
    True = 1,
    False = 2,
    Byte = 3,
    Int16 = 4,
    Int32 = 5,
    Int64 = 6,
    Double = 7,
    Binary = 8,
    List = 9,
    Set = 10,
    Map = 11,
    Struct = 12,
}

/// <summary>Parquet's encodings of values in a page, as far as access files use them. The values are Parquet's.</summary>
internal enum PageEncoding
{
    Plain = 0,
    Rle = 3,
    DeltaBinaryPacked = 5,
    RleDictionary = 8,
}

/// <summary>Where the pages of one column of one row group stand in their file, and what is known of them.</summary>
internal readonly record struct ColumnChunkMeta
{
    public PageCodec Codec { get; init; }

    /// <summary>Rows, nulls included.</summary>
    public long Values { get; init; }

    /// <summary>Rows that are null. Known where it was written, not where it is read.</summary>
    public int Nulls { get; init; }

    /// <summary>Encoding of the data page. Known where it was written, not where it is read.</summary>
    public PageEncoding Encoding { get; init; }

    /// <summary>Offset of the dictionary page; null where there is none.</summary>
    public long? DictionaryOffset { get; init; }

    public long DataOffset { get; init; }

    /// <summary>Bytes of all pages and their headers, before compression.</summary>
    public long RawBytes { get; init; }

    /// <summary>Bytes of all pages and their headers, in the file.</summary>
    public long StoredBytes { get; init; }

    /// <summary>The lowest and the highest value as bits, for the 64-bit columns.</summary>
    public (ulong Min, ulong Max)? Range { get; init; }

    /// <summary>What no value lies outside of; empty where nothing is known or all is null. Known where it was written, not where it is read.</summary>
    public ColumnBounds Bounds { get; init; }
}

/// <summary>One row group of an access file: its columns in the order of <see cref="AccessColumn.All"/>.</summary>
internal sealed record RowGroupMeta(int Rows, ColumnChunkMeta[] Columns)
{
    private const int OrdinalColumn = 0;

    /// <summary>Number of the column by which its rows ascend; null where none is known. Known where it was written, not where it is read.</summary>
    public int? SortedBy { get; init; }

    /// <summary>Where its pages begin in the file, and where they end.</summary>
    public (long Start, long End) Extent =>
        (Columns.Min(column => column.DictionaryOffset ?? column.DataOffset), Columns.Max(column => (column.DictionaryOffset ?? column.DataOffset) + column.StoredBytes));

    /// <summary>The same row group in a copy of the file that begins at an offset.</summary>
    public RowGroupMeta From(long offset) =>
        this with { Columns = [.. Columns.Select(column => column with { DictionaryOffset = column.DictionaryOffset - offset, DataOffset = column.DataOffset - offset })] };

    public long LastOrdinal => (long)(Columns[OrdinalColumn].Range?.Max ?? throw new InvalidDataException("the ordinals have no statistics"));
}

/// <summary>What is known of a file as a whole.</summary>
/// <param name="Name">Of its table.</param>
/// <param name="Columns">In order.</param>
/// <param name="Metadata">Keys and values for whoever reads the file alone.</param>
internal readonly ref struct TableMeta(string Name, ReadOnlySpan<FileColumn> Columns, ReadOnlySpan<(string Key, string Value)> Metadata)
{
    public string Name { get; } = Name;

    public ReadOnlySpan<FileColumn> Columns { get; } = Columns;

    public ReadOnlySpan<(string Key, string Value)> Metadata { get; } = Metadata;

    /// <summary>Bounds of narrow numbers and texts stand in the footer, too. Readers of captures refuse them there.</summary>
    public bool HasAllBounds { get; init; }
}

/// <summary>A column of an access or event file.</summary>
/// <param name="Name">As SQL sees it.</param>
/// <param name="Type">How Parquet stores a value.</param>
/// <param name="Meaning">What a value is.</param>
/// <param name="Bits">Width of a number; 0 for text and bytes.</param>
/// <param name="Encoding">How its data pages are encoded.</param>
/// <param name="IsOptional">Whether it may hold null.</param>
internal sealed record FileColumn(string Name, PhysicalType Type, LogicalType Meaning, int Bits, PageEncoding Encoding, bool IsOptional = false)
{
    /// <summary>As <c>schemas/capture/v2.md</c> names the type.</summary>
    public string TypeName => Meaning switch
    {
        LogicalType.Unsigned => $"uint{Bits}",
        LogicalType.Signed => $"int{Bits}",
        LogicalType.Text => "text",
        _ => "bytes",
    };
}
