namespace Replay.Recorder.Qemu;

/// <summary>A directory of this recording's own for the ring and the control socket, in memory where there is room.</summary>
internal sealed class PrivateDirectory : IDisposable
{
    private const string SharedMemory = "/dev/shm";

    private PrivateDirectory(string path)
    {
        Path = path;
    }

    public string Path { get; }

    /// <exception cref="RecorderException">No directory can be made.</exception>
    public static PrivateDirectory Create(long bytes)
    {
        var parent = HasRoom(SharedMemory, bytes) ? SharedMemory : System.IO.Path.GetTempPath();
        var path = System.IO.Path.Combine(parent, $"replay-{Environment.ProcessId}-{System.IO.Path.GetRandomFileName()[..8]}");
        try
        {
            Make(path);
            return new PrivateDirectory(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecorderException(RecorderFailure.CannotCreate, $"Cannot make a directory for the recording in {parent}: {error.Message}", error);
        }
    }

    /// <summary>Makes a directory that no other user can look or write into.</summary>
    public static void Make(string path)
    {
        if (OperatingSystem.IsWindows())
            throw new RecorderException(RecorderFailure.ToolMissing, "record qemu runs on Linux only: use WSL.");
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    public void Dispose()
    {
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private static bool HasRoom(string directory, long bytes)
    {
        try
        {
            return Directory.Exists(directory) && new DriveInfo(directory).AvailableFreeSpace > bytes * 2;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
