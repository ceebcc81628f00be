using System.Text.RegularExpressions;

namespace Replay.Recorder.Qemu;

/// <summary>A directory of this recording's own for the ring and the control socket, in memory where there is room.</summary>
internal sealed partial class PrivateDirectory : IDisposable
{
    private const string SharedMemory = "/dev/shm";
    private const string LockName = "owner";

    /// <summary>So long a directory may be without its lock: its recorder has only just made it.</summary>
    private static readonly TimeSpan Young = TimeSpan.FromMinutes(1);

    private readonly FileStream _lock;

    private PrivateDirectory(string path)
    {
        Path = path;
        _lock = new FileStream(System.IO.Path.Combine(path, LockName), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
    }

    public string Path { get; }

    /// <exception cref="RecorderException">No directory can be made.</exception>
    public static PrivateDirectory Create(long bytes)
    {
        var parent = HasRoom(SharedMemory, bytes) ? SharedMemory : System.IO.Path.GetTempPath();
        var path = System.IO.Path.Combine(parent, $"replay-{Environment.ProcessId}-{System.IO.Path.GetRandomFileName()[..8]}");
        try
        {
            Sweep(SharedMemory);
            Sweep(System.IO.Path.GetTempPath());
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
            throw new RecorderException(RecorderFailure.ToolMissing, "a guest is recorded on Linux only: use WSL.");
        Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Removes what recorders of this user left that were killed: the lock of one that lives is taken.</summary>
    /// <param name="parent">Where they are.</param>
    internal static void Sweep(string parent)
    {
        if (!Directory.Exists(parent))
            return;
        foreach (var path in Directory.EnumerateDirectories(parent, "replay-*"))
        {
            try
            {
                if (Name().IsMatch(System.IO.Path.GetFileName(path)) && FileOwner.IsMineAlone(path) && IsDead(path))
                    Directory.Delete(path, recursive: true);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // Its recorder lives, or another one sweeps as well.
            }
        }
    }

    public void Dispose()
    {
        _lock.Dispose();
        if (Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private static bool IsDead(string path)
    {
        var name = System.IO.Path.Combine(path, LockName);
        if (!File.Exists(name))
            return DateTime.UtcNow - Directory.GetLastWriteTimeUtc(path) > Young;
        using var taken = new FileStream(name, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        return true;
    }

    [GeneratedRegex("^replay-[0-9]+-[a-z0-9]{8}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();

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
