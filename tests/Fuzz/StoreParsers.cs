using System.Text;
using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;
using Replay.Analyzer.Store.Parts;
using Replay.Cli.Sweeping;
using Replay.Recorder.Synthetic;
using Replay.Replayer;

namespace Replay.Fuzz;

/// <summary>The state of a replay beside its database. Damage is told by its checksum: the replay begins anew.</summary>
internal sealed class CheckpointParser : Parser
{
    private static readonly Checkpoint Where = new(1, 2, 3);

    private readonly string _database;

    public CheckpointParser(string name, string folder)
        : base(name)
    {
        _database = Path.Combine(folder, "checkpoint.db");
        var run = new RunState { Run = 1 };
        run.Session.Write(new byte[3000]);
        run.Store.Write(17L);
        var state = new CheckpointState([run], new());
        state.Load.Write(new byte[500]);
        CheckpointFile.Write(_database, Where, state, durable: false);
        Seeds = [File.ReadAllBytes(CheckpointFile.PathOf(_database, Where.Number))];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(CheckpointFile.PathOf(_database, Where.Number), input);
        return CheckpointFile.TryRead(_database, Where) is null ? Fate.Refused : Fate.Read;
    }
}

/// <summary>Rows that wait beside a database. Each piece has a checksum.</summary>
internal sealed class SpoolParser : Parser
{
    private readonly string _path;
    private readonly List<SpoolExtent> _extents = [];
    private readonly byte[] _room = new byte[1 << 12];

    public SpoolParser(string name, string folder)
        : base(name)
    {
        _path = Path.Combine(folder, "x.spool");
        var random = new Random(1);
        using (var spool = new Spool(_path))
        {
            for (var piece = 0; piece < 8; piece++)
            {
                var bytes = new byte[random.Next(1, 2000)];
                random.NextBytes(bytes);
                _extents.Add(spool.Write(bytes));
            }
        }

        Seeds = [File.ReadAllBytes(_path)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using var spool = Spool.Reopen(_path, Seeds[0].Length);
        foreach (var extent in _extents)
            spool.Read(extent, _room);
        return Fate.Read;
    }
}

/// <summary>A database, opened, and a table of it read past SQLite.</summary>
internal sealed class DatabaseParser : Parser
{
    private const int Bare = 9;

    private readonly string _path;

    public DatabaseParser(string name, string folder)
        : base(name)
    {
        _path = Path.Combine(folder, "x.db");
        var source = SyntheticRecorder.Open(new SyntheticOptions { Workload = "random", MaxAccesses = 600 });
        var replay = new ReplayOptions { Mode = MmuMode.Shadow };
        var info = new RunInfo { Capture = "x", CaptureHash = new string('b', 64), CaptureSource = "synthetic", Mode = replay.Mode, Profile = "intel", Backing = "4k", Kernel = "6.12", Tool = "fuzz", Model = "1" };
        using (var store = HistoryStore.Create(_path, info, new StoreOptions { Rmap = true }))
            store.Complete(RunSummary.Of(ReplaySession.Run(source, replay, store)));
        var whole = File.ReadAllBytes(_path);
        Seeds = [whole, .. Enumerable.Repeat(WithoutViews(), Bare)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    /// <summary>Most inputs are without the views that nothing here asks, whose text SQLite reads at every opening.</summary>
    private byte[] WithoutViews()
    {
        using (var connection = new SqliteConnection($"Data Source={_path};Pooling=false"))
        {
            connection.Open();
            foreach (var view in connection.Query<string>("SELECT name FROM sqlite_schema WHERE type = 'view' AND name NOT IN ('run', 'guest_state', 'guest_summary')").AsList())
                connection.Execute($"DROP VIEW {view}");
            connection.Execute("VACUUM");
        }

        return File.ReadAllBytes(_path);
    }

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using (var database = Database.OpenRead(_path))
        {
            _ = database.Warnings.Count();
            foreach (var run in database.Runs)
                _ = (run.OptionsByName().Count, database.VerdictOf(run), database.NestedOf(run));
        }

        // By turns, since each costs a connection: which one is of the input, so that it can be tried again.
        var (table, columns) = LoadedTables.All[(int)(System.IO.Hashing.XxHash3.HashToUInt64(input) % (ulong)LoadedTables.All.Count)];
        using var scan = TableScan.TryOpen(_path, table, columns, 1);
        if (scan is null)
            return Fate.Refused;
        var row = new long[columns.Split(", ").Length];
        while (scan.TryNext(row))
        {
        }

        return Fate.Read;
    }
}

/// <summary>The tasks of a sweep, or the result of one.</summary>
internal sealed class SweepFolderParser : Parser
{
    private readonly string _folder;
    private readonly string _file;

    public SweepFolderParser(string name, string folder, bool result)
        : base(name)
    {
        _folder = Path.Combine(folder, name.Replace(' ', '-'));
        var task = new SweepTask
        {
            Key = "k",
            Guest = "random#1",
            Workload = "random",
            MaxAccesses = 1000,
            Mmu = "ept",
            Kernel = "6.12",
            Knobs = new(StringComparer.Ordinal) { ["pages"] = "64" },
        };
        var sweep = SweepFolder.Make(_folder, "counters", [task]);
        sweep.Put(task, new SweepResult { Key = "k", HistoryHash = new string('a', 64), Counters = new(StringComparer.Ordinal) { ["faults"] = 3, ["tlb_flushes"] = 1L << 40 }, Cost = 5, CostUnit = "cycles", Growth = [1, 2, 3], Seconds = 0.5, CpuSeconds = 0.25 });
        _file = result ? sweep.ResultOf(task) : Path.Combine(_folder, "sweep.json");
        Seeds = [File.ReadAllBytes(_file)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(_file, input);
        var sweep = SweepFolder.Open(_folder);
        foreach (var task in sweep.All)
            _ = task.Value("guest").Length + task.Value("mmu").Length;
        return new SweepTable(sweep).Json().Length > 0 ? Fate.Read : Fate.Refused;
    }
}

/// <summary>Which run one of the histories in a folder is of.</summary>
internal sealed class RunKeyParser : Parser
{
    private readonly string _file;
    private readonly HistoryFolder _folder;
    private readonly RunKey _key = new(17, new string('c', 32));

    public RunKeyParser(string name, string folder)
        : base(name)
    {
        var directory = Path.Combine(folder, "histories");
        _folder = HistoryFolder.Open(directory);
        _file = Path.Combine(directory, "_keys", $"{_key.Number}.json");
        Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
        Directory.CreateDirectory(Path.Combine(directory, "run", $"run={_key.Number}"));
        Seeds = [Encoding.UTF8.GetBytes($$"""{"key":"{{_key.Text}}","files":12,"bytes":34567}""" + "\n")];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override bool IsText => true;

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(_file, input);
        return _folder.Has(_key) ? Fate.Read : Fate.Refused;
    }
}
