using System.Data;
using Dapper;
using Microsoft.Data.Sqlite;
using Replay.Analyzer.Schema;
using Replay.Replayer;
using Replay.Replayer.History;

namespace Replay.Analyzer.Store;

/// <summary>A Replay database open for reading.</summary>
public sealed class Database : IDisposable
{
    private const int Busy = 5;
    private const int ReadOnlyRollback = 776;

    private Database(string path, SqliteConnection connection, IReadOnlyList<RunRow> runs)
    {
        Path = path;
        Connection = connection;
        Runs = runs;
    }

    public string Path { get; }

    /// <summary>A read-only connection. The address types can be read and bound with Dapper.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>Statements of the program's own that are kept compiled.</summary>
    internal KeptStatements Statements { get; } = new();

    /// <summary>All runs, in order of their numbers.</summary>
    public IReadOnlyList<RunRow> Runs { get; }

    /// <summary>What a reader must be told before any answer: one line for each run that is not the whole history. Empty: nothing.</summary>
    public IEnumerable<string> Warnings
    {
        get
        {
            foreach (var run in Runs)
            {
                if (!run.Complete)
                    yield return $"{Path}: run {run.Run} ({run.Name}) is incomplete: it was interrupted or killed. Its rows are not the whole history; go on with 'replay run --resume', or run it again.";
                else if (!run.CaptureComplete)
                    yield return $"{Path}: run {run.Run} ({run.Name}) replayed a capture whose recording was cut off.";
                if (run.RowsToOrdinal is { } last)
                    yield return $"{Path}: run {run.Run} ({run.Name}) has rows up to ordinal {last} only (--max-rows {run.MaxRows}); its counters and summaries are of the whole run.";
                if (run.Detail != "all")
                    yield return $"{Path}: run {run.Run} ({run.Name}) stores {(run.Detail == "leaf" ? "only the writes to leaves" : "no rows")} (--detail {run.Detail}); its counters and summaries are of the whole run.";
                if (run is { Complete: true, Stretch: null })
                    yield return $"{Path}: run {run.Run} ({run.Name}) was stored by an older version: reports over time and of what is hottest are empty for it. Run it again.";
            }
        }
    }

    /// <summary>Opens a database for reading.</summary>
    /// <exception cref="FileNotFoundException">It is not there.</exception>
    /// <exception cref="DatabaseFormatException">It is no Replay database, is damaged, or has another schema.</exception>
    /// <exception cref="StoreException">It is being written by another process, or may not be read.</exception>
    public static Database OpenRead(string path)
    {
        AddressTypeHandlers.Register();
        DatabaseFile.CheckSchema(path, allowOlder: false);
        try
        {
            return Open(path);
        }
        catch (SqliteException exception) when (exception.SqliteExtendedErrorCode == ReadOnlyRollback)
        {
            RollBack(path);
        }
        catch (SqliteException exception)
        {
            throw Translate(path, exception);
        }

        try
        {
            return Open(path);
        }
        catch (SqliteException exception)
        {
            throw Translate(path, exception);
        }
    }

    /// <summary>The run with this number or name.</summary>
    /// <returns>Null: there is none.</returns>
    public RunRow? FindRun(string numberOrName)
    {
        foreach (var run in Runs)
        {
            if (run.Name == numberOrName || (int.TryParse(numberOrName, out var number) && run.Run == number))
                return run;
        }

        return null;
    }

    /// <summary>What a run says of model and capture together; null: of an observed run, one that is not complete, or one that an older version stored.</summary>
    public Verdict? VerdictOf(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        if (run.CaptureBlind is null || !run.Complete || run.Mode == MmuMode.Observed.Name())
            return null;
        var marks = Connection.Query<(long Kind, long Count, long Ordinal, long Vcpu, long Rip, long Gva, long Recorded, long Modelled)>(
            "SELECT kind, count, ordinal, vcpu, rip, gva, recorded, modelled FROM _verdict WHERE run = @Run ORDER BY kind", run);
        return Verdict.Of(
            Connection.ExecuteScalar<long?>("SELECT value FROM _counter WHERE run = @Run AND name = 'verify_checked'", run) ?? 0,
            marks.Select(mark => new VerdictMark((ModelNote)mark.Kind, mark.Count, new ModelNoteRecord
            {
                Kind = (ModelNote)mark.Kind,
                Ordinal = mark.Ordinal,
                Vcpu = (byte)mark.Vcpu,
                Rip = (ulong)mark.Rip,
                Gva = (ulong)mark.Gva,
                Recorded = (ulong)mark.Recorded,
                Modelled = (ulong)mark.Modelled,
            })),
            run.BlindSpots());
    }

    /// <summary>What a run has of nested guests (L2); null: nothing.</summary>
    public NestedRunFigures? NestedOf(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var ways = Connection.Query<(string Cause, string? Name, long Count)>(
            "SELECT cause, code_name, count(*) FROM guest_state WHERE run = @Run AND cause IN ('vmrun', 'vmexit') GROUP BY 1, 2 ORDER BY 3 DESC, 2", run).AsList();
        if (ways.Count == 0)
            return null;
        var counts = Connection.Query<(string Kind, long Count)>(
            "SELECT kind, sum(count) FROM guest_summary WHERE run = @Run AND guest = 'L2' GROUP BY kind", run).ToDictionary(row => row.Kind, row => row.Count, StringComparer.Ordinal);
        var exits = ways.Where(way => way.Cause == "vmexit").ToList();
        return new NestedRunFigures(
            ways.Where(way => way.Cause == "vmrun").Sum(way => way.Count),
            [.. exits.Select(way => (way.Name ?? "?", way.Count))],
            counts.GetValueOrDefault("exit"),
            exits.Sum(way => way.Count),
            counts.GetValueOrDefault("fault"),
            counts.GetValueOrDefault("write"));
    }

    public void Dispose()
    {
        Statements.Dispose();
        Connection.Dispose();
    }

    private static Database Open(string path)
    {
        var connection = Connect(path, SqliteOpenMode.ReadOnly);
        try
        {
            // A rolled-back upgrade changes what the header said.
            var version = connection.ExecuteScalar<int>("PRAGMA user_version");
            if (version != DatabaseSchema.Version)
                throw new DatabaseFormatException($"{path}: has database schema {version}; this tool reads {DatabaseSchema.Version}. Run the capture again.");
            var runs = connection.Query<RunRow>(
                """
                SELECT run AS Run, name AS Name, mode AS Mode, entry_format AS EntryFormat, complete AS Complete, history_hash AS HistoryHash,
                  capture AS Capture, capture_hash AS CaptureHash, capture_source AS CaptureSource, capture_complete AS CaptureComplete,
                  capture_filter AS CaptureFilter, capture_blind AS CaptureBlind, profile AS Profile, backing AS Backing, kernel AS Kernel, tool AS Tool, model AS Model,
                  options AS Options, detail AS Detail, has_rmap AS HasRmap, first_ordinal AS FirstOrdinal, last_ordinal AS LastOrdinal,
                  accesses AS Accesses, events AS Events, last_seq AS LastSeq, max_rows AS MaxRows, rows_to_ordinal AS RowsToOrdinal, stretch AS Stretch
                FROM run ORDER BY run
                """).AsList();
            return new Database(path, connection, runs);
        }
        catch (DataException exception)
        {
            connection.Dispose();
            throw new DatabaseFormatException($"{path}: damaged: a run's row has something else than it should ({exception.Message}). Make the database anew.", exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>A killed writer left a transaction half done. Any connection that may write takes it back when it first reads.</summary>
    private static void RollBack(string path)
    {
        if (TryRollBack(path) is { } failure)
            throw new StoreException($"{path}: its writer was killed, and what it left half done cannot be taken back: {failure.Message}", failure);
    }

    /// <returns>Null: done, or there was nothing to do.</returns>
    internal static SqliteException? TryRollBack(string path)
    {
        try
        {
            using var connection = Connect(path, SqliteOpenMode.ReadWrite);
            connection.ExecuteScalar<long>("SELECT count(*) FROM sqlite_schema");
            return null;
        }
        catch (SqliteException exception)
        {
            return exception;
        }
    }

    private static SqliteConnection Connect(string path, SqliteOpenMode mode)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Mode = mode, Pooling = false, DefaultTimeout = 1 }.ToString());
        connection.Open();
        return connection;
    }

    private static Exception Translate(string path, SqliteException exception) => exception.SqliteErrorCode switch
    {
        Busy => new StoreException($"{path}: is being written by another process. Wait until its run is over.", exception),
        11 or 26 => new DatabaseFormatException($"{path}: is damaged ({exception.Message.TrimEnd('.')}). Run the capture again.", exception),
        _ => new StoreException($"{path}: cannot be read: {exception.Message}", exception),
    };
}

/// <summary>What a run has of nested guests (L2).</summary>
/// <param name="Vmruns">Entries into L2.</param>
/// <param name="Vmexits">Exits that L1 got, by name, the most frequent first.</param>
/// <param name="Exits">Exits of L2.</param>
/// <param name="HandedOn">Of them those that L1 got.</param>
/// <param name="Faults">Faults of L2.</param>
/// <param name="Writes">Writes to tables that translate for L2.</param>
public sealed record NestedRunFigures(long Vmruns, IReadOnlyList<(string Name, long Count)> Vmexits, long Exits, long HandedOn, long Faults, long Writes);
