using System.Globalization;
using System.Text.Json;
using Replay.Analyzer.Store;

namespace Replay.Cli.Sweeping;

/// <summary>The folder of a sweep, which any number of machines may work in at once.</summary>
/// <remarks>
/// <code>
/// sweep.json               the tasks
/// tasks/KEY.json           the result of a task: whole, or not there
/// logs/KEY.log             what the last attempt at a task said
/// logs/KEY.failed          its exit code, where it failed
/// work/KEY/                of an attempt that goes on, or was killed: the next one goes on there
/// histories/               of all tasks, as Parquet, unless the plan keeps counters only
/// results.*, report.html   what 'replay sweep collect' makes
/// </code>
/// </remarks>
internal sealed class SweepFolder
{
    private const string Tasks = "sweep.json";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true, RespectNullableAnnotations = true };

    private readonly SweepFile _file;

    private SweepFolder(string path, SweepFile file)
    {
        Directory = path;
        _file = file;
    }

    public string Directory { get; }

    public string Detail => _file.Detail;

    public IReadOnlyList<SweepTask> All => _file.Tasks;

    public string Histories => Path.Combine(Directory, "histories");

    /// <summary>Makes the folder, or takes the one that is there if it is of the same tasks, or of fewer.</summary>
    public static SweepFolder Make(string path, string detail, IReadOnlyList<SweepTask> tasks)
    {
        foreach (var folder in (string[])["", "tasks", "logs", "work"])
            System.IO.Directory.CreateDirectory(Path.Combine(path, folder));
        Write(Path.Combine(path, Tasks), JsonSerializer.Serialize(new SweepFile(detail, tasks), Json));
        return Open(path);
    }

    public static SweepFolder Open(string path)
    {
        var file = Path.Combine(path, Tasks);
        if (!File.Exists(file))
            throw new InputMissingException($"{path}: is no folder of a sweep. 'replay sweep PLAN --to {path}' makes it.");
        var tasks = Read<SweepFile>(file, $"Make it again: 'replay sweep PLAN --to {path}'; results that are there stay.");
        return new SweepFolder(path, tasks);
    }

    public static bool Is(string path) => File.Exists(Path.Combine(path, Tasks));

    public SweepTask Task(int number) =>
        number >= 0 && number < All.Count ? All[number] : throw new UsageException($"{Directory}: has no task {number}: there are {All.Count}, from 0.");

    public string WorkOf(SweepTask task) => Path.Combine(Directory, "work", task.Key);

    public string LogOf(SweepTask task) => Path.Combine(Directory, "logs", task.Key + ".log");

    public string ResultOf(SweepTask task) => Path.Combine(Directory, "tasks", task.Key + ".json");

    private string FailureOf(SweepTask task) => Path.Combine(Directory, "logs", task.Key + ".failed");

    public SweepState StateOf(SweepTask task) =>
        File.Exists(ResultOf(task)) ? SweepState.Done : File.Exists(FailureOf(task)) ? SweepState.Failed : SweepState.Missing;

    public SweepResult? Result(SweepTask task) =>
        File.Exists(ResultOf(task)) ? Read<SweepResult>(ResultOf(task), "Remove it, and the task is done anew.") : null;

    /// <exception cref="DatabaseFormatException">It is not what this tool writes.</exception>
    private static T Read<T>(string file, string remedy)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllText(file), Json) ?? throw new JsonException("it is empty");
        }
        catch (JsonException error)
        {
            throw new DatabaseFormatException($"{file}: damaged: {error.Message} {remedy}", error);
        }
    }

    public void Put(SweepTask task, SweepResult result)
    {
        Write(ResultOf(task), JsonSerializer.Serialize(result, Json));
        File.Delete(FailureOf(task));
    }

    public void Fail(SweepTask task, int exitCode) => Write(FailureOf(task), exitCode.ToString(CultureInfo.InvariantCulture));

    public IEnumerable<string> LastLines(SweepTask task, int count) => File.Exists(LogOf(task)) ? File.ReadLines(LogOf(task)).TakeLast(count) : [];

    /// <summary>Null: another process is at it.</summary>
    public FileStream? TryTake(SweepTask task)
    {
        System.IO.Directory.CreateDirectory(WorkOf(task));
        try
        {
            return new FileStream(Path.Combine(WorkOf(task), "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            // Held, or just finished by its holder, who removes the folder.
            return null;
        }
    }

    /// <summary>Whole, or not at all.</summary>
    public static void Write(string path, string text)
    {
        var partial = $"{path}.{Guid.NewGuid():N}.partial";
        File.WriteAllText(partial, text);
        File.Move(partial, path, overwrite: true);
    }

    private sealed record SweepFile(string Detail, IReadOnlyList<SweepTask> Tasks)
    {
        public IReadOnlyList<SweepTask> Tasks { get; } = Tasks is not null && Tasks.All(task => task is not null) ? Tasks : throw new JsonException("It has no tasks, or one that is null.");
    }
}

internal enum SweepState
{
    Done,
    Failed,
    Missing,
}

/// <summary>What a task came to.</summary>
internal sealed record SweepResult
{
    public required string Key { get; init; }

    public required string HistoryHash { get; init; }

    /// <summary>Counters of the run, by name.</summary>
    public required SortedDictionary<string, long> Counters { get; init; }

    /// <summary>What it would have cost, by the table that comes with the tool.</summary>
    public long Cost { get; init; }

    public string CostUnit { get; init; } = "";

    /// <summary>Table writes up to the end of each twentieth of the capture.</summary>
    public IReadOnlyList<long> Growth { get; init; } = [];

    public double Seconds { get; init => field = Finite(value); }

    public double CpuSeconds { get; init => field = Finite(value); }

    public long PeakBytes { get; init; }

    public string Tool { get; init; } = "";

    private static double Finite(double seconds) => double.IsFinite(seconds) ? seconds : throw new JsonException("A time is no number.");
}
