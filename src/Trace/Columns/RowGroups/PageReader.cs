namespace Replay.Trace.Columns;

/// <summary>Finds, checks and decompresses pages. What it returns is valid until the next page of the same sort.</summary>
/// <param name="maxBytes">The longest page there can be.</param>
internal sealed class PageReader(int maxBytes) : IDisposable
{
    private const int FirstBytes = 1 << 16;

    private readonly PageDecompressor _decompressor = PageDecompressor.Create();
    private byte[] _dictionaryPage = [];
    private byte[] _dataPage = [];

    /// <summary>The data page of a column chunk.</summary>
    public ReadOnlySpan<byte> Data(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk)
    {
        var page = Page(file, chunk.DataOffset, chunk.Codec, ref _dataPage, out var header);
        // A chunk of nulls alone has no dictionary, nor indexes into it.
        var encoding = column.IsOptional && chunk.DictionaryOffset is null && column.Encoding == PageEncoding.RleDictionary ? PageEncoding.Plain : column.Encoding;
        return !header.IsDictionary && header.Encoding == encoding && header.Values == chunk.Values
            ? page
            : throw new InvalidDataException($"the pages of {column.Name} are encoded in another way");
    }

    /// <summary>The dictionary page of a column chunk.</summary>
    public ReadOnlySpan<byte> Dictionary(ReadOnlySpan<byte> file, FileColumn column, ColumnChunkMeta chunk, out int entries)
    {
        var offset = chunk.DictionaryOffset ?? throw new InvalidDataException($"{column.Name} has no dictionary");
        var page = Page(file, offset, chunk.Codec, ref _dictionaryPage, out var header);
        entries = header.Values;
        return header.IsDictionary && header.Encoding == PageEncoding.Plain && entries is > 0 and <= TraceChunk.Capacity
            ? page
            : throw new InvalidDataException($"the dictionary of {column.Name} is encoded in another way");
    }

    /// <summary>Whether the data pages of two column chunks are the same, byte for byte, as they are stored.</summary>
    public static bool HaveSameData(ReadOnlySpan<byte> file, ColumnChunkMeta one, ColumnChunkMeta other) =>
        one.Codec == other.Codec && one.Values == other.Values
        && Stored(file, one) is { IsEmpty: false } stored && stored.SequenceEqual(Stored(file, other));

    public void Dispose() => _decompressor.Dispose();

    /// <summary>A data page with its header; empty where the chunk does not say where it is.</summary>
    private static ReadOnlySpan<byte> Stored(ReadOnlySpan<byte> file, ColumnChunkMeta chunk)
    {
        var start = chunk.DictionaryOffset ?? chunk.DataOffset;
        var end = start + chunk.StoredBytes;
        return start >= 0 && chunk.DataOffset >= start && end >= chunk.DataOffset && end <= file.Length ? file[(int)chunk.DataOffset..(int)end] : [];
    }

    private ReadOnlySpan<byte> Page(ReadOnlySpan<byte> file, long offset, PageCodec codec, ref byte[] buffer, out PageHeader header)
    {
        if (offset < 0 || offset > file.Length)
            throw new InvalidDataException("a page lies outside its file");
        var content = file[(int)offset..];
        header = PageHeader.Read(content, out var length);
        if (header.StoredBytes > content.Length - length || header.RawBytes > maxBytes)
            throw new InvalidDataException("a page is longer than it can be");
        var stored = content.Slice(length, header.StoredBytes);
        if (codec == PageCodec.Uncompressed)
            return stored;
        if (buffer.Length < header.RawBytes)
            buffer = GC.AllocateUninitializedArray<byte>(Math.Min(maxBytes, Math.Max(FirstBytes, 2 * header.RawBytes)));
        return codec == PageCodec.Zstd && _decompressor.TryDecompress(stored, buffer.AsSpan(0, header.RawBytes))
            ? buffer.AsSpan(0, header.RawBytes)
            : throw new InvalidDataException("a page does not decompress");
    }
}
