using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Replay.Analyzer.Query.Folders;
using Replay.Analyzer.Schema;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store.Parts;

/// <summary>
/// A folder of histories as Parquet, from any number of machines: <c>TABLE/run=KEY/part-N.parquet</c>. A run is there as soon as
/// <c>run/run=KEY</c> is, which comes last; whoever brings one that is there brings nothing new.
/// </summary>
/// <remarks>
/// <code>
/// _replay.json                   what the files are: the schema they follow
/// views.sql                      the public views over them, for DuckDB
/// function/part-0.parquet        names of KVM's functions
/// TABLE/run=0/part-0.parquet     no rows: the columns, for when no run has any
/// TABLE/run=KEY/part-N.parquet   rows of one run, in the order of its history
/// _keys/NUMBER.json              the whole key of a run, and how many rows and files it has
/// _work/...                      runs that are being made
/// </code>
/// Nothing in it names the machine: it can be copied, and joined with others by copying.
/// </remarks>
public sealed class HistoryFolder
{
    private const string Marker = "_replay.json";
    private const string KeysFolder = "_keys";
    private const string WorkFolder = "_work";
    private const string RunTable = "run";
    private const string ViewsFile = "views.sql";

    /// <summary>To bring a run in is to rename a few folders.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(50);

    private HistoryFolder(string directory) => Directory = directory;

    public string Directory { get; }

    /// <summary>What the files follow. Folders that differ in it cannot be asked together.</summary>
    private static string Format { get; } = JsonSerializer.Serialize(new { format = 1, schema = DatabaseSchema.Version, functions = FunctionsHash() });

    /// <summary>Whether a path is such a folder.</summary>
    public static bool Is(string path) => File.Exists(Path.Combine(path, Marker));

    /// <summary>Opens the folder, or makes it.</summary>
    /// <exception cref="StoreException">Something else is there, or histories of another version.</exception>
    public static HistoryFolder Open(string path)
    {
        var marker = Path.Combine(path, Marker);
        if (File.Exists(path))
            throw new DatabaseExistsException($"{path}: is a file. Name a folder for histories.");
        if (!File.Exists(marker))
        {
            if (System.IO.Directory.Exists(path) && System.IO.Directory.EnumerateFileSystemEntries(path).Any(entry => Path.GetFileName(entry) is not WorkFolder))
                throw new DatabaseExistsException($"{path}: is not empty, and no folder of histories. Name another, or empty it yourself.");
            Make(path);
        }

        Check(path);
        return new HistoryFolder(path);
    }

    /// <exception cref="StoreException">It is of another version.</exception>
    public static void Check(string path)
    {
        if (File.ReadAllText(Path.Combine(path, Marker)).Trim() != Format)
            throw new StoreException($"{path}: holds histories of another version of this tool. Use another folder, or the version that made it.");
    }

    public bool Has(RunKey key)
    {
        var file = KeyFile(key);
        if (!File.Exists(file) || !System.IO.Directory.Exists(Place(RunTable, key)))
            return false;
        var there = KeyIn(file);
        return there == key.Text
            ? true
            : throw new StoreException($"{Directory}: run {key.Number} is there with the key {there}, and another has the key {key.Text}: the numbers of two runs fell together. Use another folder.");
    }

    /// <exception cref="StoreException">It is not what this tool writes.</exception>
    private static string? KeyIn(string file)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(file));
            return document.RootElement.GetProperty("key").GetString();
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new StoreException($"{file}: damaged: it does not say which run it is of. Remove it, and the run is made anew.", error);
        }
    }

    /// <summary>Where runs are made that will be published together. The same runs have the same place, so that a later process can go on.</summary>
    public string WorkOf(IEnumerable<RunKey> keys)
    {
        var name = Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(string.Join(' ', keys))));
        var work = Path.Combine(Directory, WorkFolder, name);
        while (true)
        {
            try
            {
                System.IO.Directory.CreateDirectory(work);
                return work;
            }
            catch (IOException error) when (error is DirectoryNotFoundException or FileNotFoundException && System.IO.Directory.Exists(Directory))
            {
                // Whoever was the last there has just removed the folder of such places.
            }
        }
    }

    /// <summary>Removes a place where runs were made, and with the last one the folder of such places.</summary>
    public static void Drop(string work)
    {
        System.IO.Directory.Delete(work, recursive: true);
        try
        {
            System.IO.Directory.Delete(Path.GetDirectoryName(work)!);
        }
        catch (IOException)
        {
            // Runs are made there by others; or another process has removed it.
        }
    }

    /// <summary>Brings a complete run in.</summary>
    /// <param name="database">Has all of the run but its rows of records.</param>
    /// <param name="run">Its number there.</param>
    /// <param name="parts">Has the rows of records.</param>
    /// <param name="key">Of the run.</param>
    /// <param name="patience">How long another process that brings the same run in is waited for; null: long enough for one that works.</param>
    /// <exception cref="StoreException">It took longer.</exception>
    public void Publish(Database database, int run, HistoryParts parts, RunKey key, TimeSpan? patience = null)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(parts);
        using var connection = NativeConnection.OpenRead(database.Path);
        var from = parts.DirectoryOf(run);
        System.IO.Directory.CreateDirectory(from);
        SmallTables.Write(connection, run, from);
        System.IO.Directory.CreateDirectory(Path.Combine(Directory, KeysFolder));
        using var alone = LockOf(key, patience ?? Patience);
        if (Has(key))
        {
            System.IO.Directory.Delete(from, recursive: true);
            return;
        }

        WriteKey(key, from);
        foreach (var table in System.IO.Directory.GetDirectories(from).OrderBy(table => Path.GetFileName(table) == RunTable).ThenBy(table => table, StringComparer.Ordinal))
        {
            var place = Place(Path.GetFileName(table), key);
            // Of someone who was killed between the first table and the last.
            if (System.IO.Directory.Exists(place))
                System.IO.Directory.Delete(place, recursive: true);
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            System.IO.Directory.Move(table, place);
        }

        System.IO.Directory.Delete(from, recursive: true);
    }

    /// <summary>Whoever holds it brings this run in, alone.</summary>
    private FileStream LockOf(RunKey key, TimeSpan patience)
    {
        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                return new FileStream(KeyFile(key) + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
            catch (IOException exception) when (exception is not (DirectoryNotFoundException or FileNotFoundException or PathTooLongException))
            {
                if (waited.Elapsed >= patience)
                    throw new StoreException($"{Directory}: another process is bringing run {key.Number} in. Run the same command again with --force when it has ended: a run that is there is not made again.", exception);
                Thread.Sleep(LockPause);
            }
        }
    }

    private string Place(string table, RunKey key) => Path.Combine(Directory, table, string.Create(CultureInfo.InvariantCulture, $"run={key.Number}"));

    private string KeyFile(RunKey key) => Path.Combine(Directory, KeysFolder, string.Create(CultureInfo.InvariantCulture, $"{key.Number}.json"));

    private void WriteKey(RunKey key, string from)
    {
        var bytes = new DirectoryInfo(from).EnumerateFiles("*.parquet", SearchOption.AllDirectories).Sum(file => file.Length);
        var files = new DirectoryInfo(from).EnumerateFiles("*.parquet", SearchOption.AllDirectories).Count();
        WriteWhole(KeyFile(key), JsonSerializer.Serialize(new { key = key.Text, files, bytes }) + "\n");
    }

    private static void Make(string path)
    {
        System.IO.Directory.CreateDirectory(path);
        var scratch = Path.Combine(Path.GetTempPath(), $"replay-schema-{Guid.NewGuid():N}.db");
        try
        {
            using var connection = NativeConnection.Open(scratch, create: true);
            foreach (var statement in DatabaseSchema.Upgrade(0))
                connection.Execute(statement);
            foreach (var function in Enum.GetValues<KvmFunction>())
                connection.Run("INSERT OR IGNORE INTO _function (function, name) VALUES (?, ?)", (int)function, function.KernelName());
            SmallTables.WriteEmpty(connection, path);
            SmallTables.WriteFunctions(connection, path);
        }
        finally
        {
            File.Delete(scratch);
        }

        WriteWhole(Path.Combine(path, ViewsFile), Views());
        WriteWhole(Path.Combine(path, Marker), Format + "\n");
    }

    /// <summary>For DuckDB alone, without this tool.</summary>
    private static string Views() =>
        $"""
        -- The public views over the files of this folder: cd here, then duckdb -init views.sql
        -- 'replay schema' describes them. Left out, since they need a lookup for every row:
        {string.Join('\n', FolderViews.LeftOut().Select(column => $"--   {column}"))}
        {string.Join('\n', DuckDbSql.Settings.Concat(FolderViews.All(["."])).Select(statement => statement + ";"))}

        """;

    /// <summary>Whoever comes at the same time writes the same.</summary>
    private static void WriteWhole(string path, string text)
    {
        var partial = $"{path}.{Guid.NewGuid():N}";
        using (var file = new FileStream(partial, FileMode.CreateNew, FileAccess.Write))
        {
            file.Write(Encoding.UTF8.GetBytes(text));
            file.Flush(flushToDisk: true);
        }

        File.Move(partial, path, overwrite: true);
    }

    private static string FunctionsHash() => Convert.ToHexStringLower(
        XxHash128.Hash(Encoding.UTF8.GetBytes(string.Join('\n', Enum.GetValues<KvmFunction>().Select(function => $"{(int)function} {function.KernelName()}")))));
}
