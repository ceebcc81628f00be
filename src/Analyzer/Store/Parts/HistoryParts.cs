using System.Globalization;
using Replay.Analyzer.Store.BTrees;
using Replay.Replayer.SavedState;

namespace Replay.Analyzer.Store.Parts;

/// <summary>
/// The rows of runs as Parquet files, written as the runs are replayed, beside a database or instead of its large tables. They lie in a
/// folder of their own until the runs are whole: see <see cref="HistoryFolder"/>.
/// </summary>
/// <param name="directory">Where they lie meanwhile.</param>
/// <param name="areOnly">The database gets no rows of records.</param>
public sealed class HistoryParts(string directory, bool areOnly) : IDisposable
{
    private readonly SortedDictionary<int, RunParts> _runs = [];

    /// <summary>The database gets none of these rows.</summary>
    public bool AreOnly { get; } = areOnly;

    /// <summary>Rows written, and those that were there.</summary>
    public long Rows => _runs.Values.Sum(run => run.Rows);

    internal string DirectoryOf(int run) => Path.Combine(directory, run.ToString(CultureInfo.InvariantCulture));

    internal RunParts Begin(NativeConnection connection, int run)
    {
        if (_runs.Remove(run, out var old))
            old.Dispose();
        if (Directory.Exists(DirectoryOf(run)))
            Directory.Delete(DirectoryOf(run), recursive: true);
        return _runs[run] = new RunParts(connection, run, DirectoryOf(run));
    }

    internal RunParts Of(int run) => _runs[run];

    internal void Save(StateBuffer destination)
    {
        destination.Write(_runs.Count);
        foreach (var (run, parts) in _runs)
        {
            destination.Write(run);
            parts.Save(destination);
        }
    }

    /// <summary>Goes on from what <see cref="Save"/> saved.</summary>
    internal void Resume(NativeConnection connection, ref StateCursor source)
    {
        for (var left = source.Read<int>(); left > 0; left--)
        {
            var run = source.Read<int>();
            var parts = new RunParts(connection, run, DirectoryOf(run));
            parts.Restore(ref source);
            _runs[run] = parts;
        }
    }

    public void Dispose()
    {
        foreach (var run in _runs.Values)
            run.Dispose();
    }
}
