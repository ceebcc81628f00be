using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace Replay.Analyzer.Store.BTrees;

/// <summary>A file beside the database for what waits to be put in order. It is made when the first bytes are written.</summary>
internal sealed class Spool(string path) : IDisposable
{
    private SafeFileHandle? _file;

    /// <summary>Bytes written.</summary>
    public long Length { get; private set; }

    public static string PathOf(string database) => $"{database}.spool";

    /// <summary>Goes on behind the first <paramref name="length"/> bytes of a file that an earlier process left.</summary>
    /// <exception cref="StoreException">It is shorter, or not there.</exception>
    public static Spool Reopen(string path, long length)
    {
        var spool = new Spool(path);
        if (length == 0)
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

    public SpoolExtent Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _file ??= Open(path, FileMode.Create);
            RandomAccess.Write(_file, bytes, Length);
        }
        // The last is what .NET makes of a limit on the size of files.
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException)
        {
            throw new StoreException($"{path}: cannot be written: {exception.Message}", exception);
        }

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

    private static SafeFileHandle Open(string path, FileMode mode) => File.OpenHandle(path, mode, FileAccess.ReadWrite, FileShare.Read);

    private static StoreException Damaged(string path) =>
        new($"{path}: is not what was written there, perhaps after a power cut. Run the capture again with --force.");
}

/// <summary>A piece of a <see cref="Spool"/>, and XxHash3 of its bytes.</summary>
internal readonly record struct SpoolExtent(long Offset, int Length, ulong Hash);
