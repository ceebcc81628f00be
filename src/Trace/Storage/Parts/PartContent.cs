using System.Security.Cryptography;

namespace Replay.Trace.Storage;

/// <summary>
/// The bytes of one file of a part, checked against the manifest before anyone looks at them, and held in memory so that what was
/// checked is what is decoded. The buffer is reused from file to file.
/// </summary>
internal sealed class PartContent
{
    private byte[] _buffer = [];

    /// <summary>Reads a whole file and checks its SHA-256.</summary>
    /// <exception cref="CaptureFormatException">Missing, or not the file that was written.</exception>
    public ReadOnlyMemory<byte> Load(string path, string digest)
    {
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 0, FileOptions.SequentialScan);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CaptureFormatException($"{path}: missing, but the manifest names it. Copy the whole capture again.", error);
        }
        using (file)
        {
            if (file.Length > Array.MaxLength)
                throw Damaged(path, $"{file.Length} bytes, more than any part has");
            var length = (int)file.Length;
            if (_buffer.Length < length)
                _buffer = GC.AllocateUninitializedArray<byte>(length + (length / 8));
            if (file.ReadAtLeast(_buffer.AsSpan(0, length), length, throwOnEndOfStream: false) != length)
                throw Damaged(path, "it ends early");
            Check(path, digest, _buffer.AsSpan(0, length));
            return _buffer.AsMemory(0, length);
        }
    }

    private static void Check(string path, string digest, ReadOnlySpan<byte> content)
    {
        Span<byte> found = stackalloc byte[SHA256.HashSizeInBytes];
        Span<byte> expected = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(content, found);
        Convert.FromHexString(digest, expected, out _, out _);
        if (!found.SequenceEqual(expected))
            throw Damaged(path, "its content is not what the manifest's checksum says");
    }

    private static CaptureFormatException Damaged(string path, string what) => new($"{path}: damaged: {what}. Copy or record the capture again.");
}
