using Microsoft.Win32.SafeHandles;
using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>
/// Reads single row groups of an access file, and nothing else of it but the footer. The checksum of the file is not looked at, which would take
/// reading all of it, but that of the row group, which its index has.
/// </summary>
internal sealed class RowGroupFile(bool hasRips, int vcpus) : IDisposable
{
    private const int TailBytes = 1 << 16;

    private readonly RowGroupDecoder _decoder = new(vcpus);
    private byte[] _buffer = new byte[TailBytes];
    private SafeFileHandle? _file;
    private RowGroupMeta[] _groups = [];

    /// <summary>Opens another file.</summary>
    /// <exception cref="InvalidDataException">Not an access file of a capture.</exception>
    public void Open(string path)
    {
        Close();
        _file = File.OpenHandle(path);
        var length = RandomAccess.GetLength(_file);
        var tail = Load(Math.Max(0, length - TailBytes), length);
        var footer = ParquetFile.FooterLength(tail) + ParquetFile.TrailerBytes;
        if (footer > tail.Length)
            tail = Load(Math.Max(0, length - footer), length);
        _groups = FooterReader.Read(ParquetFile.FooterOf(tail), AccessColumn.All(hasRips));
    }

    public long LastOrdinal(int group) => _groups[group].LastOrdinal;

    /// <summary>Fills the accesses of a chunk with a row group; its events stay as they are.</summary>
    /// <param name="group">Its number.</param>
    /// <param name="chunk">Gets the accesses.</param>
    /// <param name="checksum">CRC-32C of the row group.</param>
    /// <exception cref="InvalidDataException">The row group is damaged, or not one of a capture.</exception>
    public void Read(int group, TraceChunk chunk, uint checksum)
    {
        if (group >= _groups.Length)
            throw new InvalidDataException("it has fewer row groups than its index says");
        var meta = _groups[group];
        var (start, end) = meta.Extent;
        if (start < 0 || end < start || end > RandomAccess.GetLength(_file!))
            throw new InvalidDataException("a page lies outside its file");
        var bytes = Load(start, end);
        if (Crc32C.Of(bytes) != checksum)
            throw new InvalidDataException($"row group {group} is damaged");
        _decoder.Decode(bytes, meta.From(start), chunk, hasRips);
    }

    public void Dispose()
    {
        Close();
        _decoder.Dispose();
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
        _groups = [];
    }

    private ReadOnlySpan<byte> Load(long start, long end)
    {
        var length = checked((int)(end - start));
        if (_buffer.Length < length)
            _buffer = GC.AllocateUninitializedArray<byte>(length + (length / 4));
        var into = _buffer.AsSpan(0, length);
        for (var done = 0; done < length;)
        {
            var read = RandomAccess.Read(_file!, into[done..], start + done);
            if (read == 0)
                throw new InvalidDataException("it ends early");
            done += read;
        }
        return into;
    }
}
