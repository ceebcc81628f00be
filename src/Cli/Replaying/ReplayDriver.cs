using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Cli.Replaying;

/// <summary>Replays one capture in several modes in one pass: chunks are decoded once, ahead of the replay.</summary>
internal sealed class ReplayDriver : IDisposable
{
    private readonly ReplayPlan _plan;
    private readonly CaptureReader _reader;
    private readonly List<ReplaySession> _sessions = [];

    private ReplayDriver(ReplayPlan plan)
    {
        _plan = plan;
        _reader = CaptureReader.Open(plan.Capture, new CaptureReaderOptions { DecodeAhead = true });
        TotalAccesses = _reader.Manifest.Parts.Sum(part => part.Accesses);
    }

    public CaptureManifest Manifest => _reader.Manifest;

    public long TotalAccesses { get; }

    public static ReplayDriver Open(ReplayPlan plan) => new(plan);

    /// <summary>Replays to the end.</summary>
    /// <param name="historyOf">Gives each mode's observer.</param>
    /// <param name="progress">Told the accesses replayed so far.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <returns>A result for each mode, in the plan's order.</returns>
    public IReadOnlyList<ReplayResult> Run(Func<MmuMode, IHistory> historyOf, Action<long>? progress, CancellationToken cancellation)
    {
        foreach (var mode in _plan.Modes)
            _sessions.Add(new ReplaySession(_reader.Manifest, _plan.OptionsFor(mode), historyOf(mode)));
        var chunk = new TraceChunk();
        var accesses = 0L;
        while (_reader.TryRead(chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            Process(chunk);
            accesses += chunk.AccessCount;
            progress?.Invoke(accesses);
        }

        return [.. _sessions.Select(session => session.Finish())];
    }

    public void Dispose() => _reader.Dispose();

    private void Process(TraceChunk chunk)
    {
        if (_plan.Threads <= 1 || _sessions.Count == 1)
        {
            foreach (var session in _sessions)
                session.Process(chunk);
            return;
        }

        try
        {
            Parallel.ForEach(_sessions, new ParallelOptions { MaxDegreeOfParallelism = _plan.Threads }, session => session.Process(chunk));
        }
        catch (AggregateException failures)
        {
            throw failures.InnerExceptions[0];
        }
    }
}
