using System.Text.Json;
using Replay.Replayer;

namespace Replay.Analyzer.Store;

/// <summary>The rows of runs, seen from the writer's side.</summary>
internal sealed class StoredRuns(NativeConnection connection)
{
    private const string Same =
        "capture_hash = ? AND mode = ? AND profile = ? AND backing = ? AND kernel = ? AND model = ? AND options = ? AND detail = ? AND has_rmap = ? AND max_rows IS ?";

    /// <summary>Runs that never became complete, in the order in which they began.</summary>
    public List<int> Incomplete() => connection.QueryNumbers("SELECT run FROM _run WHERE NOT complete ORDER BY run");

    /// <summary>The run is of this capture and was made with these options.</summary>
    public bool IsLike(int run, RunInfo info, StoreOptions options) => Count($"run = {run} AND {Same}", info, options) == 1;

    /// <summary>Complete runs of this capture with these options.</summary>
    public long CompleteLike(RunInfo info, StoreOptions options) => Count($"complete AND {Same}", info, options);

    public string NameOf(int run) => connection.QueryTexts($"SELECT name FROM _run WHERE run = {run}")[0];

    public Checkpoint? LastCheckpoint()
    {
        var number = connection.QueryNumbers("SELECT number FROM _checkpoint ORDER BY number DESC LIMIT 1");
        return number.Count == 0
            ? null
            : new Checkpoint(number[0], connection.QueryInt64("SELECT ordinal FROM _checkpoint"), connection.QueryInt64("SELECT accesses FROM _checkpoint"));
    }

    public void SetCheckpoint(Checkpoint? checkpoint)
    {
        connection.Execute("DELETE FROM _checkpoint");
        if (checkpoint is not null)
            connection.Run("INSERT INTO _checkpoint (number, ordinal, accesses) VALUES (?, ?, ?)", checkpoint.Number, checkpoint.Ordinal, checkpoint.Accesses);
    }

    /// <summary>Removes a run and everything of it.</summary>
    public void Drop(int run)
    {
        foreach (var table in Tables(connection))
            connection.Execute($"DELETE FROM {table} WHERE run = {run}");
    }

    /// <summary>The tables whose rows belong to runs.</summary>
    public static List<string> Tables(NativeConnection connection) =>
        connection.QueryTexts("SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'run'");

    public static string OptionsText(RunInfo info) => JsonSerializer.Serialize(info.Options);

    public static string DetailText(StoreOptions options) => options.Detail.ToString().ToLowerInvariant();

    private long Count(string condition, RunInfo info, StoreOptions options) => connection.QueryInt64(
        $"SELECT count(*) FROM _run WHERE {condition}",
        info.CaptureHash,
        info.Mode.Name(),
        info.Profile,
        info.Backing,
        info.Kernel,
        info.Model,
        OptionsText(info),
        DetailText(options),
        options.Rmap,
        options.MaxRows);
}
