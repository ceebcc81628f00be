using Replay.Analyzer.Store;
using Replay.Analyzer.Store.BTrees;
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
        Seeds = [File.ReadAllBytes(_path)];
    }

    public override IReadOnlyList<byte[]> Seeds { get; }

    public override Fate Read(byte[] input)
    {
        File.WriteAllBytes(_path, input);
        using (var database = Database.OpenRead(_path))
            _ = database.Warnings.Count();
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
