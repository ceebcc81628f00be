using System.Buffers.Binary;
using Replay.Analyzer.Schema;

namespace Replay.Analyzer.Store;

/// <summary>What can be told of a database file from its first 100 bytes, before SQLite opens it.</summary>
internal static class DatabaseFile
{
    private const int HeaderLength = 100;
    private const int UserVersionOffset = 60;
    private const int ApplicationIdOffset = 68;

    private static ReadOnlySpan<byte> Magic => "SQLite format 3\0"u8;

    /// <summary>A database may be put here.</summary>
    /// <exception cref="DatabaseExistsException">It may not.</exception>
    public static void CheckRoom(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new DatabaseExistsException($"{path}: is a directory. Name a file for the database.");
        if (!File.Exists(path))
            return;
        if (!overwrite)
            throw new DatabaseExistsException($"{path}: exists. Use --force to overwrite it, --append to add a run, or another name.");
        var header = ReadHeader(path);
        if (header.Length > 0 && !IsReplay(header))
            throw new DatabaseExistsException($"{path}: is no Replay database, so --force does not overwrite it. Use another name, or remove it yourself.");
    }

    /// <summary>The schema of the file, which this tool reads.</summary>
    /// <exception cref="FileNotFoundException">The file is not there.</exception>
    /// <exception cref="DatabaseFormatException">It is no Replay database, or its schema is not one that is wanted.</exception>
    public static int CheckSchema(string path, bool allowOlder)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException(DatabasePlace.IsUnfinished(path)
                ? $"{path}: is not made yet: a run into it goes on, or was interrupted. 'replay run --resume' finishes it."
                : $"{path}: no such database. Make one with 'replay run'.");
        }

        var header = ReadHeader(path);
        if (header.Length < HeaderLength || !header.AsSpan().StartsWith(Magic))
            throw new DatabaseFormatException($"{path}: is no SQLite database. Name a file made by 'replay run'.");
        if (!IsReplay(header))
            throw new DatabaseFormatException($"{path}: is a SQLite database, but not one of Replay. Name a file made by 'replay run'.");
        var version = BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(UserVersionOffset));
        if (version > DatabaseSchema.Version)
        {
            throw new DatabaseFormatException(
                $"{path}: has database schema {version}; this tool reads {DatabaseSchema.Version}. Update the tool, or run the capture again.");
        }

        if (version < 1 || (version < DatabaseSchema.Version && !allowOlder))
        {
            throw new DatabaseFormatException(
                $"{path}: has database schema {version}; this tool reads {DatabaseSchema.Version}. Bring it up with 'replay run --append', or run the capture again.");
        }

        return version;
    }

    private static bool IsReplay(byte[] header) =>
        header.Length == HeaderLength && BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(ApplicationIdOffset)) == DatabaseSchema.ApplicationId;

    private static byte[] ReadHeader(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var header = new byte[HeaderLength];
        var length = file.ReadAtLeast(header, HeaderLength, throwOnEndOfStream: false);
        return header[..length];
    }
}

/// <summary>The database to be created is there already, and overwriting was not asked for or is refused. One line; exit code 73.</summary>
public sealed class DatabaseExistsException(string message) : IOException(message);

/// <summary>A file that is no Replay database, is damaged, or has a schema this tool does not read. One line; exit code 65.</summary>
public sealed class DatabaseFormatException : Exception
{
    public DatabaseFormatException(string message)
        : base(message.ReplaceLineEndings(" "))
    {
    }

    public DatabaseFormatException(string message, Exception inner)
        : base(message.ReplaceLineEndings(" "), inner)
    {
    }
}

/// <summary>The database cannot be written: disk full, no permission, locked. One line; exit code 74.</summary>
public sealed class StoreException : IOException
{
    public StoreException(string message)
        : base(message.ReplaceLineEndings(" "))
    {
    }

    public StoreException(string message, Exception inner)
        : base(message.ReplaceLineEndings(" "), inner)
    {
    }
}
