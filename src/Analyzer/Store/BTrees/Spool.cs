using System.Buffers.Binary;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>A file beside the database for what waits to be put in order. It is made when the first bytes are written.</summary>
/// <remarks>It begins with a mark of 8 bytes, little endian: pages of the database before trees were appended, and after; 0 0: none were.</remarks>
internal sealed class Spool(string path) : IDisposable
{
    private const int MarkLength = 2 * sizeof(uint);

    private SafeFileHandle? _file;

    /// <summary>Bytes written, the mark included.</summary>
    public long Length { get; private set; } = MarkLength;

    public static string PathOf(string database) => $"{database}.spool";

    /// <summary>Goes on behind the first <paramref name="length"/> bytes of a file that an earlier process left.</summary>
    /// <exception cref="StoreException">It is shorter, or not there.</exception>
    public static Spool Reopen(string path, long length)
    {
        var spool = new Spool(path);
        if (length == MarkLength)
            return spool;
        try
        {
            spool._file = Open(path, FileMode.Open);
            if (RandomAccess.GetLength(spool._file) < length)
                throw Damaged(path);
            spool.Length = length;
            return spool;
        }
        catch (FileNotFoundException)
        {
            throw Damaged(path);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    /// <summary>The mark in a file that an earlier process left; null: none.</summary>
    public static (uint Before, uint After)? ReadMark(string path)
    {
        if (!File.Exists(path))
            return null;
        using var file = Open(path, FileMode.Open);
        Span<byte> mark = stackalloc byte[MarkLength];
        if (RandomAccess.Read(file, mark, 0) < MarkLength || mark.IndexOfAnyExcept((byte)0) < 0)
            return null;
        return (BinaryPrimitives.ReadUInt32LittleEndian(mark), BinaryPrimitives.ReadUInt32LittleEndian(mark[sizeof(uint)..]));
    }

    /// <summary>Makes the mark of such a file say that nothing was appended.</summary>
    public static void ClearMark(string path)
    {
        using var file = Open(path, FileMode.Open);
        RandomAccess.Write(file, stackalloc byte[MarkLength], 0);
    }

    public void Mark(uint before, uint after)
    {
        Span<byte> mark = stackalloc byte[MarkLength];
        BinaryPrimitives.WriteUInt32LittleEndian(mark, before);
        BinaryPrimitives.WriteUInt32LittleEndian(mark[sizeof(uint)..], after);
        Write(mark, 0);
    }

    public SpoolExtent Write(ReadOnlySpan<byte> bytes)
    {
        Write(bytes, Length);
        var extent = new SpoolExtent(Length, bytes.Length, XxHash3.HashToUInt64(bytes));
        Length += bytes.Length;
        return extent;
    }

    /// <exception cref="StoreException">It is not what was written.</exception>
    public void Read(SpoolExtent extent, Span<byte> bytes)
    {
        bytes = bytes[..extent.Length];
        var done = 0;
        while (done < bytes.Length)
        {
            var read = RandomAccess.Read(_file!, bytes[done..], extent.Offset + done);
            if (read == 0)
                throw Damaged(path);
            done += read;
        }

        if (XxHash3.HashToUInt64(bytes) != extent.Hash)
            throw Damaged(path);
    }

    public void Dispose() => _file?.Dispose();

    private void Write(ReadOnlySpan<byte> bytes, long offset)
    {
        try
        {
            _file ??= Open(path, FileMode.Create);
            RandomAccess.Write(_file, bytes, offset);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new StoreException($"{path}: cannot be written: {exception.Message}", exception);
        }
    }

    private static SafeFileHandle Open(string path, FileMode mode) => File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.Read);

    private static StoreException Damaged(string path) =>
        new($"{path}: is not what was written there, perhaps after a power cut. Run the capture again with --force.");
}
