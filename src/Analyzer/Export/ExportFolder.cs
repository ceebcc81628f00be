using System.Text.Json;
using Replay.Analyzer.Store;

namespace Replay.Analyzer.Export;

/// <summary>
/// The directory of an export. It is filled under another name beside the one asked for and renamed when it is whole, so that nobody reads
/// half an export. Only what carries our marker is ever removed.
/// </summary>
internal sealed class ExportFolder : IDisposable
{
    /// <summary>Readers of Parquet directories pass over names that begin with an underscore.</summary>
    private const string Marker = "_replay.json";

    private readonly string _target;
    private readonly bool _overwrite;
    private bool _published;

    private ExportFolder(string target, string work, bool overwrite)
    {
        _target = target;
        _overwrite = overwrite;
        Path = work;
    }

    /// <summary>Where files go until the export is whole.</summary>
    public string Path { get; }

    /// <exception cref="DatabaseExistsException">The directory is there and may not be replaced.</exception>
    public static ExportFolder Create(string target, bool overwrite)
    {
        target = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(target));
        if (File.Exists(target))
            throw new DatabaseExistsException($"{target}: is a file. Name a directory for the export.");
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            if (!overwrite)
                throw new DatabaseExistsException($"{target}: exists and is not empty. Use --force to replace an earlier export, or another name.");
            if (!IsOurs(target))
                throw new DatabaseExistsException($"{target}: is no export of Replay, so --force does not replace it. Use another name, or remove it yourself.");
        }

        var work = target + ".partial";
        if (Directory.Exists(work))
        {
            if (!IsOurs(work))
                throw new DatabaseExistsException($"{work}: is in the way, and is no export of Replay that was cut off. Remove it yourself.");
            Directory.Delete(work, recursive: true);
        }

        Directory.CreateDirectory(work);
        File.WriteAllText(System.IO.Path.Combine(work, Marker), "{}\n");
        return new ExportFolder(target, work, overwrite);
    }

    /// <summary>Everything is written: gives the directory its name.</summary>
    public void Publish(string database, IReadOnlyList<RunRow> runs, IReadOnlyList<ExportedView> views)
    {
        var marker = new
        {
            database,
            schema = Schema.DatabaseSchema.Version,
            runs = runs.Select(run => new { run.Run, run.Name, run.Mode, run.HistoryHash }),
            views = views.ToDictionary(view => view.View, view => new { view.Rows, view.Files }),
        };
        File.WriteAllText(System.IO.Path.Combine(Path, Marker), JsonSerializer.Serialize(marker, JsonSerializerOptions.Web) + "\n");
        if (Directory.Exists(_target))
            Directory.Delete(_target, recursive: _overwrite && IsOurs(_target));
        Directory.Move(Path, _target);
        _published = true;
    }

    public void Dispose()
    {
        if (!_published && Directory.Exists(Path))
            Directory.Delete(Path, recursive: true);
    }

    private static bool IsOurs(string directory) => File.Exists(System.IO.Path.Combine(directory, Marker));
}
