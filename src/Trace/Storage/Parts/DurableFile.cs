using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Replay.Trace.Storage;

/// <summary>
/// Files that appear whole or not at all, even when the machine loses power: written under a partial name, flushed to the disk,
/// renamed, and the directory flushed. In which order the files of a part become durable is for <see cref="PartWriter"/>.
/// </summary>
internal static partial class DurableFile
{
    /// <summary>Opens the partial file of <paramref name="path"/>. It holds a guest's memory: nobody else may read it, unless its owner lets them.</summary>
    public static FileStream CreatePartial(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = 1 << 16 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path + CaptureLayout.Partial, options);
    }

    /// <summary>Flushes a partial file to the disk and closes it. It keeps its partial name.</summary>
    public static void Finish(FileStream file)
    {
        file.Flush(flushToDisk: true);
        file.Dispose();
    }

    /// <summary>Gives a finished partial file its name, taking the place of a file that has it.</summary>
    public static void Publish(string path) => File.Move(path + CaptureLayout.Partial, path, overwrite: true);

    /// <summary>Writes a small file in one go, directory flush included.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        using (var file = CreatePartial(path))
        {
            file.Write(content);
            Finish(file);
        }
        Publish(path);
        FlushDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Writes a file of which nothing is lost if it is: whole or not at all, but durable only when the system gets to it.</summary>
    public static void WriteAside(string path, ReadOnlySpan<byte> content)
    {
        using (var file = CreatePartial(path))
            file.Write(content);
        Publish(path);
    }

    /// <summary>Makes the names in a directory durable. Windows has no such operation and needs none for a rename.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;
        // .NET opens no directories, so the descriptor comes from open(2); O_RDONLY is 0 everywhere.
        using var handle = Open(directory, 0);
        if (handle.IsInvalid)
            throw new IOException($"{directory}: cannot be opened to flush it to the disk (errno {Marshal.GetLastPInvokeError()}).");
        if (Fsync(handle) != 0)
            throw new IOException($"{directory}: cannot be flushed to the disk (errno {Marshal.GetLastPInvokeError()}).");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle handle);
}
