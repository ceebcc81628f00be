using System.Text;

namespace Replay.Analyzer.Store;

/// <summary>The name of a database, held by the one process that makes it or adds to it, and the files beside it while it is made.</summary>
/// <remarks>
/// <code>
/// NAME.lock                    locked by that process; says which database is to be replaced
/// NAME.partial                 what SQLite has of the runs being written
/// NAME.partial.spool           rows that wait to be put in order
/// NAME.partial.checkpoint-0/1  where the replay can go on
/// NAME.whole                   the database in its last step
/// </code>
/// A database is made under the last of these names and gets its own by one rename. It is whole as soon as NAME.partial is gone: so whoever
/// comes after a kill knows from the names alone whether to go on, to rename, or to sweep. Files are removed by these names and no others.
/// </remarks>
internal sealed class DatabasePlace : IDisposable
{
    private const string LockSuffix = ".lock";
    private const string JournalSuffix = "-journal";
    private const string Nothing = "nothing";

    /// <summary>Milliseconds between two tries to take the lock, and altogether.</summary>
    private const int LockPause = 100;
    private const int LockPatience = 5000;

    /// <summary>EWOULDBLOCK of Linux and of BSD, ERROR_SHARING_VIOLATION of Windows.</summary>
    private static readonly int[] Taken = [11, 35, unchecked((int)0x8007_0020)];

    private static readonly string[] Companions = [JournalSuffix, "-wal", "-shm"];

    private readonly FileStream _lock;

    private DatabasePlace(string path, FileStream @lock)
    {
        Path = path;
        _lock = @lock;
    }

    public string Path { get; }

    public string Partial => PartialOf(Path);

    public string Whole => WholeOf(Path);

    public bool HasPartial => File.Exists(Partial);

    public static string PartialOf(string path) => path + ".partial";

    public static string WholeOf(string path) => path + ".whole";

    /// <summary>A database is being made there, or its making was cut off.</summary>
    public static bool IsUnfinished(string path) => File.Exists(PartialOf(path)) || File.Exists(WholeOf(path));

    /// <summary>Takes the name, and brings what a killed process left there to a state that is one of two: a partial database, or none.</summary>
    /// <exception cref="StoreException">Another process has it.</exception>
    public static DatabasePlace Take(string path)
    {
        var place = new DatabasePlace(path, Lock(path));
        try
        {
            place.Settle();
            return place;
        }
        catch
        {
            place.Dispose();
            throw;
        }
    }

    /// <summary>Sees to it that a new database may be made here.</summary>
    /// <exception cref="DatabaseExistsException">It may not: something is there.</exception>
    public void Clear(bool overwrite)
    {
        DatabaseFile.CheckRoom(Path, overwrite);
        if (HasPartial && !overwrite && CheckpointFile.IsBeside(Partial))
        {
            throw new DatabaseExistsException(
                $"{Path}: a run into it was interrupted. Go on with 'replay run --resume', begin anew with --force, or use another name.");
        }

        Sweep();
        Recover();
        var note = Encoding.ASCII.GetBytes(Identity() ?? Nothing);
        _lock.SetLength(0);
        _lock.Write(note);
        _lock.Flush();
    }

    /// <summary>What is there is what was there when the making of the partial database began, or nothing.</summary>
    /// <exception cref="StoreException">It is not.</exception>
    public void CheckReplaced()
    {
        var note = new byte[64];
        _lock.Position = 0;
        var length = _lock.ReadAtLeast(note, note.Length, throwOnEndOfStream: false);
        if (Identity() is { } there && there != Encoding.ASCII.GetString(note.AsSpan(0, length)))
        {
            throw new StoreException(
                $"{Path}: has come or changed since the run that makes it began, and is left as it is. Move it away and give --resume, or --force to replace it.");
        }
    }

    /// <summary>Makes the finished partial database the whole one. The disk has it.</summary>
    public void Finish()
    {
        Flush(Partial);
        File.Move(Partial, Whole, overwrite: true);
    }

    /// <summary>The whole database has been made of the partial one, which goes.</summary>
    public void DropPartial()
    {
        Flush(Whole);
        File.Delete(Partial + JournalSuffix);
        File.Delete(Partial);
    }

    /// <summary>Gives the whole database its name.</summary>
    public void Put()
    {
        Recover();
        // A journal without its database, or one that SQLite cannot play back, would be played back into the new one.
        foreach (var suffix in Companions)
            File.Delete(Path + suffix);
        File.Move(Whole, Path, overwrite: true);
        SweepBeside();
    }

    /// <summary>Removes the partial database and all that belongs to it. A kill in between leaves one that nothing can go on from.</summary>
    public void Sweep()
    {
        File.Delete(Whole);
        File.Delete(Whole + JournalSuffix);
        SweepBeside();
        File.Delete(Partial + JournalSuffix);
        File.Delete(Partial);
    }

    /// <summary>The making ends here. A whole database whose partial one is gone is whole, and gets its name when it is next taken.</summary>
    public void GiveUp(bool keepPartial)
    {
        if (!HasPartial)
            return;
        if (keepPartial)
            File.Delete(Whole);
        else
            Sweep();
    }

    /// <summary>Gives the name free. The note of a partial database stays beside it.</summary>
    public void Dispose()
    {
        if (!HasPartial)
            File.Delete(_lock.Name);
        _lock.Dispose();
    }

    private void Settle()
    {
        if (HasPartial)
            File.Delete(Whole);
        else if (File.Exists(Whole))
            Put();
        else
            SweepBeside();
    }

    private void SweepBeside()
    {
        CheckpointFile.Sweep(Partial);
        File.Delete(BTrees.Spool.PathOf(Partial));
    }

    /// <summary>A writer of the old database may have been killed: what it left half done is taken back, so that it can still be read.</summary>
    private void Recover()
    {
        if (File.Exists(Path) && File.Exists(Path + JournalSuffix))
            Database.TryRollBack(Path);
    }

    /// <summary>Null: there is nothing.</summary>
    private string? Identity()
    {
        var file = new FileInfo(Path);
        return file.Exists ? $"{file.Length} {file.LastWriteTimeUtc.Ticks}" : null;
    }

    private static void Flush(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        file.Flush(flushToDisk: true);
    }

    /// <summary>A process that was killed holds its lock until it is gone, which takes a while where much of what it wrote is still to be flushed.</summary>
    private static FileStream Lock(string path)
    {
        for (var waited = 0; ; waited += LockPause)
        {
            FileStream file;
            try
            {
                file = new FileStream(path + LockSuffix, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException exception) when (Taken.Contains(exception.HResult) && waited < LockPatience)
            {
                Thread.Sleep(LockPause);
                continue;
            }
            catch (IOException exception) when (Taken.Contains(exception.HResult))
            {
                throw new StoreException($"{path}: is being written by another process. Wait until its run is over, or use another name.", exception);
            }
            catch (DirectoryNotFoundException exception)
            {
                throw new StoreException($"{path}: cannot be made: {exception.Message}", exception);
            }

            if (IsNamed(file))
                return file;
            file.Dispose();
        }
    }

    /// <summary>The file that was locked still has its name: its last holder may have removed it between our opening and locking it.</summary>
    private static bool IsNamed(FileStream file)
    {
        File.SetLastWriteTimeUtc(file.SafeFileHandle, DateTime.UtcNow - TimeSpan.FromTicks(Random.Shared.NextInt64(TimeSpan.TicksPerDay)));
        return File.GetLastWriteTimeUtc(file.SafeFileHandle) == File.GetLastWriteTimeUtc(file.Name);
    }
}
