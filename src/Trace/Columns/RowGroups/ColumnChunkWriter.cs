using ZstdSharp;

namespace Replay.Trace.Columns;

/// <summary>Writes the pages of one column of one row group after the other, compressed where that makes them smaller.</summary>
/// <param name="compressor">Used and disposed of by it.</param>
internal sealed class ColumnChunkWriter(PageCompressor compressor) : IDisposable
{
    private readonly CompactWriter _header = new();
    private byte[] _packedDictionary = [];
    private byte[] _packedData = [];
    private int _packedDataLength;
    private Stream _stream = Stream.Null;
    private long _position;
    private uint _checksum;
    private bool _sums;

    /// <summary>Bytes of the file so far.</summary>
    public long Position => _position;

    /// <summary>Begins a new file.</summary>
    public void Open(Stream stream)
    {
        _stream = stream;
        _position = 0;
    }

    /// <summary>Begins to sum up what is written. <see cref="EndSum"/> gives the sum.</summary>
    public void BeginSum()
    {
        _checksum = 0;
        _sums = true;
    }

    /// <summary>The CRC-32C of what was written since <see cref="BeginSum"/>.</summary>
    public uint EndSum()
    {
        _sums = false;
        return _checksum;
    }

    public void WriteRaw(ReadOnlySpan<byte> bytes)
    {
        if (_sums)
            _checksum = Crc32C.Of(bytes, _checksum);
        _stream.Write(bytes);
        _position += bytes.Length;
    }

    /// <summary>Compresses a dictionary page that many row groups share.</summary>
    public static byte[] Pack(ReadOnlySpan<byte> page)
    {
        using var compressor = new Compressor(Compressor.MaxCompressionLevel);
        return compressor.Wrap(page).ToArray();
    }

    /// <param name="column">What is written.</param>
    /// <param name="dictionary">The dictionary page, PLAIN; empty where the encoding has none.</param>
    /// <param name="entries">Entries of the dictionary.</param>
    /// <param name="data">The data page, encoded.</param>
    /// <param name="rows">Values in the data page, nulls included.</param>
    /// <param name="range">Lowest and highest value, for the 64-bit columns.</param>
    /// <param name="nulls">How many of the rows are null.</param>
    public ColumnChunkMeta Write(
        FileColumn column,
        ReadOnlySpan<byte> dictionary,
        int entries,
        ReadOnlySpan<byte> data,
        int rows,
        (ulong Min, ulong Max)? range,
        int nulls = 0)
    {
        _packedDataLength = Compress(data, ref _packedData).Length;
        return WritePages(column, dictionary, Compress(dictionary, ref _packedDictionary), entries, data, rows, range, nulls);
    }

    /// <summary>Writes a column that is not worth the time to compress it.</summary>
    /// <inheritdoc cref="Write"/>
    public ColumnChunkMeta WriteUncompressed(FileColumn column, ReadOnlySpan<byte> dictionary, int entries, ReadOnlySpan<byte> data, int rows)
    {
        MakeRoom(ref _packedData, data.Length);
        _packedDataLength = data.Length;
        return WritePages(column, dictionary, dictionary, entries, data, rows, null, 0);
    }

    /// <summary>Writes a column whose data page is that of the column before, byte for byte.</summary>
    /// <inheritdoc cref="Write"/>
    public ColumnChunkMeta WriteAgain(FileColumn column, ReadOnlySpan<byte> dictionary, int entries, ReadOnlySpan<byte> data, int rows, (ulong Min, ulong Max)? range) =>
        WritePages(column, dictionary, Compress(dictionary, ref _packedDictionary), entries, data, rows, range, 0);

    /// <summary>Writes a column whose data page is not worth compressing.</summary>
    /// <param name="column">What is written.</param>
    /// <param name="dictionary">The dictionary page.</param>
    /// <param name="packedDictionary">What <see cref="Pack"/> made of it.</param>
    /// <param name="entries">Entries of the dictionary.</param>
    /// <param name="data">The data page, encoded.</param>
    /// <param name="rows">Values in the data page.</param>
    public ColumnChunkMeta WriteRawData(FileColumn column, ReadOnlySpan<byte> dictionary, ReadOnlySpan<byte> packedDictionary, int entries, ReadOnlySpan<byte> data, int rows)
    {
        _packedDataLength = RawFrame.Length(data.Length);
        MakeRoom(ref _packedData, _packedDataLength);
        RawFrame.Write(data, _packedData);
        return WritePages(column, dictionary, packedDictionary, entries, data, rows, null, 0);
    }

    public void Dispose() => compressor.Dispose();

    private ColumnChunkMeta WritePages(
        FileColumn column,
        ReadOnlySpan<byte> dictionary,
        ReadOnlySpan<byte> packedDictionary,
        int entries,
        ReadOnlySpan<byte> data,
        int rows,
        (ulong Min, ulong Max)? range,
        int nulls)
    {
        // Nothing but nulls needs no dictionary.
        var encoding = dictionary.IsEmpty && column.Encoding == PageEncoding.RleDictionary ? PageEncoding.Plain : column.Encoding;
        var storedDictionary = packedDictionary;
        ReadOnlySpan<byte> storedData = _packedData.AsSpan(0, _packedDataLength);
        var codec = storedDictionary.Length + storedData.Length < dictionary.Length + data.Length ? PageCodec.Zstd : PageCodec.Uncompressed;
        if (codec == PageCodec.Uncompressed)
        {
            storedDictionary = dictionary;
            storedData = data;
        }

        var start = _position;
        if (!dictionary.IsEmpty)
            WritePage(PageHeader.ForDictionary(entries, dictionary.Length, storedDictionary.Length), storedDictionary);
        var dataOffset = _position;
        WritePage(PageHeader.ForData(encoding, rows, data.Length, storedData.Length), storedData);
        var saved = dictionary.Length + data.Length - storedDictionary.Length - storedData.Length;
        return new ColumnChunkMeta
        {
            Codec = codec,
            Values = rows,
            Nulls = nulls,
            Encoding = encoding,
            DictionaryOffset = dictionary.IsEmpty ? null : start,
            DataOffset = dataOffset,
            RawBytes = _position - start + saved,
            StoredBytes = _position - start,
            Range = range,
            Bounds = range is { } known ? ColumnBounds.Of(known) : ColumnBounds.OfDictionary(column, dictionary),
        };
    }

    private ReadOnlySpan<byte> Compress(ReadOnlySpan<byte> raw, ref byte[] packed)
    {
        if (raw.IsEmpty)
            return raw;
        MakeRoom(ref packed, Compressor.GetCompressBound(raw.Length));
        return packed.AsSpan(0, compressor.Compress(raw, packed));
    }

    private static void MakeRoom(ref byte[] buffer, int bytes)
    {
        if (buffer.Length < bytes)
            buffer = GC.AllocateUninitializedArray<byte>(bytes);
    }

    private void WritePage(PageHeader header, ReadOnlySpan<byte> stored)
    {
        _header.Clear();
        header.Write(_header);
        WriteRaw(_header.Written);
        WriteRaw(stored);
    }
}
