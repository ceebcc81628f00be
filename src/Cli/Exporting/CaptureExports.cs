using Replay.Analyzer.Export;
using Replay.Analyzer.Locality;
using Replay.Analyzer.Store;
using Replay.Cli.Commands;
using Replay.Cli.Replaying;
using Replay.Cli.Terminal;
using Replay.Replayer.History;
using Replay.Trace;
using Replay.Trace.Tables;

namespace Replay.Cli.Exporting;

/// <summary>What no database holds, because it is of every access: made from a run's capture again.</summary>
/// <param name="run">Whose.</param>
/// <param name="force">Replace files.</param>
/// <param name="isQuiet">Tell no progress.</param>
/// <param name="console">Where it is told.</param>
/// <param name="cancellation">Stops it; no file is left that is not whole.</param>
internal sealed class CaptureExports(RunRow run, bool force, bool isQuiet, CliConsole console, CancellationToken cancellation)
{
    /// <summary>Stretches of the working set, where none are asked for.</summary>
    private const int Windows = 512;

    /// <summary>Replays the run and writes the entries that its page walks read.</summary>
    public void WriteWalks(string path)
    {
        var plan = StoredPlan.Of(run);
        Outputs.Whole(path, force, partial =>
        {
            using var file = new WalkFile(partial, TypedRows.IsCsv(path));
            using var progress = new ProgressLine(console, isQuiet);
            using var driver = ReplayDriver.Open(plan with { Walks = file });
            TellOfFilter(driver.Manifest, "page walks are of the accesses it holds");
            var total = driver.TotalAccesses;
            var result = driver.Run(_ => new SilentHistory(), done => progress.Update(time => $"{Units.Count(done)} of {Units.Count(total)} accesses, {Units.Count(file.References)} entries read, {Units.Left(done, total, time)}"), cancellation)[0];
            file.Finish();
            progress.Dispose();
            if (run.HistoryHash is { } hash && hash != result.HistoryHash)
                console.Error.WriteLine($"replay export: run {run.Run} ({run.Name}) was made by an older model: replayed now it gives another history ({result.HistoryHash}), and the walks are of that.");
            console.Error.WriteLine($"{path}: {Units.Of(file.References, "entry", "entries")} read by {Units.Of(file.Walks, "page walk")} of run {run.Run} ({run.Name})");
        });
    }

    /// <summary>Reads the run's capture and writes what it says of pages.</summary>
    /// <param name="reuse">Where reuse distances go; null: nowhere.</param>
    /// <param name="workingSet">Where the working set goes; null: nowhere.</param>
    /// <param name="window">Ordinals of a stretch; null: as many as make some hundred stretches.</param>
    public void WriteLocality(string? reuse, string? workingSet, long? window)
    {
        using var reader = CaptureReader.Open(Inputs.Capture(run.Capture), new CaptureReaderOptions { DecodeAhead = true });
        TellOfFilter(reader.Manifest, "repetitions that its filter dropped have no distance, and those it kept are as far apart as they are or farther");
        var width = window ?? Math.Max(1, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)((run.LastOrdinal ?? 0) / Windows) + 1));
        var locality = new PageLocality(width);
        using var progress = new ProgressLine(console, isQuiet);
        var total = reader.Manifest.Parts.Sum(part => part.Accesses);
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            locality.Look(chunk);
            progress.Update(time => $"{Units.Count(locality.Accesses)} of {Units.Count(total)} accesses, {Units.Left(locality.Accesses, total, time)}");
        }

        progress.Dispose();
        if (reuse is not null)
            Write(reuse, PageLocality.ReuseColumns, locality.WriteReuse, $"reuse distances of {Units.Of(locality.Pages, "page")}, {Units.Of(locality.Accesses, "access", "accesses")}");
        if (workingSet is not null)
            Write(workingSet, PageLocality.WorkingSetColumns, locality.WriteWorkingSet, $"working set by stretches of {Units.Of(width, "ordinal")}");
    }

    private void Write(string path, IReadOnlyList<TableColumn> columns, Action<TypedRows> write, string what) => Outputs.Whole(path, force, partial =>
    {
        using var file = TypedRows.Create(partial, TypedRows.IsCsv(path), columns);
        write(file);
        file.Finish();
        console.Error.WriteLine($"{path}: {what}");
    });

    private void TellOfFilter(CaptureManifest manifest, string consequence)
    {
        if (manifest.Filter is not null)
            console.Error.WriteLine($"replay export: the capture is page-filtered: {consequence}.");
    }
}
