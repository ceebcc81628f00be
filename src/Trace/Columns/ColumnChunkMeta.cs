namespace Replay.Trace.Columns;

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
}
