using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Replay.Recorder.Synthetic;
using Replay.Replayer;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;
using Tomlyn;
using Tomlyn.Model;

namespace Replay.Cli.Sweeping;

/// <summary>The plan of a sweep, a TOML file: guests, what is varied, and what is left out.</summary>
/// <remarks>
/// <code>
/// detail = "counters"                     # or "leaf", "all": histories as Parquet too
/// captures = ["boots/*.capture"]          # globs, from where the plan lies
/// [[workload]]                            # guests that are made: 'replay record synthetic --list-workloads'
/// name = "demand-paging"
/// seeds = [1, 2, 3]
/// max-accesses = 100000
/// knobs = { pages = 4096 }
/// [matrix]                                # each with each
/// mmu = ["ept", "ept-tdp", "npt", "npt-tdp", "shadow"]
/// kernel = ["6.12"]
/// host = ["", "intel-icelake"]            # "": by mode
/// host-pages = ["4k", "thp"]
/// module-param = ["", "eptad=N"]          # "": none; several with spaces between
/// host-events = ["", "migrate.jsonl"]
/// [[exclude]]                             # left out: all of these at once; a value may have * and ?
/// mmu = "shadow"
/// host-pages = "thp"
/// </code>
/// </remarks>
internal sealed class SweepPlan
{
    private static readonly string[] Top = ["detail", "captures", "workload", "matrix", "exclude"];
    private static readonly string[] OfWorkload = ["name", "seeds", "max-accesses", "knobs"];

    private readonly string _path;
    private readonly string _folder;
    private readonly TomlTable _plan;

    private SweepPlan(string path, TomlTable plan)
    {
        _path = path;
        _folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        _plan = plan;
        Check(plan, Top, "");
        Detail = plan.TryGetValue("detail", out var detail) ? detail as string ?? "" : "counters";
        if (Detail is not ("counters" or "leaf" or "all"))
            throw Wrong($"detail = {detail}: choose counters, leaf or all");
    }

    public string Detail { get; }

    /// <summary>Combinations that no host can be: left out, and told.</summary>
    public int Impossible { get; private set; }

    public int Excluded { get; private set; }

    public static SweepPlan Read(string path)
    {
        try
        {
            return new SweepPlan(path, TomlSerializer.Deserialize<TomlTable>(File.ReadAllText(path)) ?? new TomlTable());
        }
        catch (Exception exception) when (exception is TomlException or ArgumentOutOfRangeException)
        {
            // Tomlyn quotes a character that is none, and fails over it.
            throw new UsageException($"{path}: {exception.Message}");
        }
    }

    /// <summary>All tasks, in the order of the plan.</summary>
    public IReadOnlyList<SweepTask> Tasks()
    {
        var matrix = _plan.TryGetValue("matrix", out var found) ? found as TomlTable ?? throw Wrong("matrix is a table: [matrix]") : new TomlTable();
        Check(matrix, [.. SweepTask.Dimensions.Skip(1)], "matrix.");
        var excludes = Tables("exclude");
        var tasks = new List<SweepTask>();
        var keys = new HashSet<string>(StringComparer.Ordinal);
        foreach (var guest in Captures().Concat(Workloads()))
        {
            foreach (var task in Expand(guest, matrix))
            {
                if (!IsPossible(task))
                    Impossible++;
                else if (excludes.Any(exclude => exclude.All(pair => Matches(task.Value(pair.Key), pair.Value as string ?? ""))))
                    Excluded++;
                else if (keys.Add(task.WithKey(Detail).Key))
                    tasks.Add(task.WithKey(Detail) with { Number = tasks.Count });
            }
        }

        return tasks.Count > 0 ? tasks : throw Wrong("no task: it names no guest, or everything is left out");
    }

    private IEnumerable<SweepTask> Expand(SweepTask guest, TomlTable matrix) =>
        from mmu in Values(matrix, "mmu", "ept")
        from kernel in Values(matrix, "kernel", KvmBehaviour.Newest.Name)
        from host in Values(matrix, "host", "")
        from pages in Values(matrix, "host-pages", "4k")
        from parameters in Values(matrix, "module-param", "")
        from script in Values(matrix, "host-events", "")
        select guest with
        {
            Mmu = Known(mmu, "mmu", MmuModes.TryParse(mmu, out _), MmuModes.All.Select(mode => mode.Name())),
            Kernel = Known(kernel, "kernel", KvmBehaviour.Find(kernel) is not null, KvmBehaviour.All.Select(known => known.Name)),
            Host = Known(host, "host", host.Length == 0 || HostProfiles.Find(host) is not null, HostProfiles.All.Select(known => known.Name)),
            HostPages = Known(pages, "host-pages", pages is "4k" or "thp", ["4k", "thp"]),
            ModuleParams = parameters,
            HostEvents = script.Length == 0 ? "" : Existing(script),
            HostEventsHash = script.Length == 0 ? "" : Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Existing(script)))),
        };

    private IEnumerable<SweepTask> Captures()
    {
        foreach (var pattern in Values(_plan, "captures"))
        {
            var found = Glob(pattern).ToList();
            if (found.Count == 0)
                throw new InputMissingException($"{_path}: captures: nothing is like {pattern} in {_folder}.");
            foreach (var capture in found)
            {
                using var reader = CaptureReader.Open(capture);
                yield return new SweepTask
                {
                    Guest = Path.GetFileNameWithoutExtension(capture),
                    Identity = reader.Manifest.Checksum,
                    Capture = capture,
                    Accesses = reader.Manifest.Parts.Sum(part => part.Accesses),
                    Mmu = "",
                    Kernel = "",
                };
            }
        }
    }

    private IEnumerable<SweepTask> Workloads()
    {
        foreach (var workload in Tables("workload"))
        {
            Check(workload, OfWorkload, "workload.");
            var name = workload.TryGetValue("name", out var text) ? text as string ?? "" : "";
            Known(name, "workload.name", WorkloadRegistry.All.Any(known => known.Name == name), WorkloadRegistry.All.Select(known => known.Name));
            var knobs = new SortedDictionary<string, string>(StringComparer.Ordinal);
            foreach (var (knob, value) in workload.TryGetValue("knobs", out var set) && set is TomlTable table ? table : new TomlTable())
                knobs[knob] = Text(value);
            long? most = workload.TryGetValue("max-accesses", out var limit) ? limit as long? ?? throw Wrong("workload.max-accesses is a number") : null;
            foreach (var seed in Values(workload, "seeds", "1"))
            {
                if (!ulong.TryParse(seed, out var number))
                    throw Wrong($"workload.seeds: {seed} is no seed");
                var guest = string.Join(' ', [$"{name}#{seed}", .. knobs.Select(pair => $"{pair.Key}={pair.Value}")]);
                yield return new SweepTask { Guest = guest, Workload = name, Seed = number, Knobs = knobs, MaxAccesses = most, Accesses = most, Mmu = "", Kernel = "" };
            }
        }
    }

    private static bool IsPossible(SweepTask task)
    {
        return MmuModes.TryParse(task.Mmu, out var mode)
            && KvmBehaviour.Find(task.Kernel)!.Has(mode)
            && (task.Host.Length == 0 || mode.RunsOn(HostProfiles.Find(task.Host)!.Vendor));
    }

    private IEnumerable<string> Glob(string pattern)
    {
        var full = Path.GetFullPath(Path.Combine(_folder, Path.TrimEndingDirectorySeparator(pattern)));
        var folder = Path.GetDirectoryName(full)!;
        if (folder.IndexOfAny(['*', '?']) >= 0)
            throw Wrong($"captures: {pattern}: only the last part of a path may have * and ?");
        return Directory.Exists(folder) ? Directory.GetDirectories(folder, Path.GetFileName(full)).Order(StringComparer.Ordinal) : [];
    }

    private string Existing(string file) => Path.Combine(_folder, file) is var path && File.Exists(path) ? path : throw new InputMissingException($"{_path}: host-events: {file} is not in {_folder}.");

    private string Known(string value, string what, bool isKnown, IEnumerable<string> known) =>
        isKnown ? value : throw Wrong($"{what}: there is no {value}: choose from {string.Join(", ", known)}");

    private List<string> Values(TomlTable table, string name, params string[] usual) => !table.TryGetValue(name, out var value) ? [.. usual]
        : value is TomlArray array ? [.. array.Select(Text)]
        : value is string or long ? [Text(value)]
        : throw Wrong($"{name}: a value, or several in brackets");

    private List<TomlTable> Tables(string name) => !_plan.TryGetValue(name, out var value) ? []
        : value is TomlTableArray tables ? [.. tables]
        : throw Wrong($"{name}: tables, each with [[{name}]] above");

    private static string Text(object? value) => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "";

    private static bool Matches(string value, string pattern) =>
        Regex.IsMatch(value, $"^{Regex.Escape(pattern).Replace("\\*", ".*").Replace("\\?", ".")}$", RegexOptions.None, TimeSpan.FromSeconds(1));

    private void Check(TomlTable table, string[] known, string where)
    {
        foreach (var key in table.Keys)
        {
            if (!known.Contains(key))
                throw Wrong($"{where}{key} is nothing that a plan has: there is {string.Join(", ", known)}");
        }
    }

    private UsageException Wrong(string what) => new($"{_path}: {what}.");
}
