using Replay.Analyzer.Store;
using Replay.Replayer;
using Replay.Replayer.Hardware;
using Replay.Replayer.History;
using Replay.Trace;

namespace Replay.Cli.Replaying;

/// <summary>Replays one capture in several modes in one pass: chunks are decoded once, ahead of the replay.</summary>
internal sealed class ReplayDriver : IDisposable
{
    /// <summary>Accesses and events to look at: with fewer in a chunk, waking threads costs more than they take off.</summary>
    private const int WorthThreads = 2048;

    private readonly ReplayPlan _plan;
    private readonly CaptureReader _reader;
    private readonly List<ReplaySession> _sessions = [];
    private readonly FirstTouches _firstTouches = new();
    private readonly GuestCr3Log _cr3s = new();
    private long _accesses;

    private ReplayDriver(ReplayPlan plan)
    {
        _plan = plan;
        _reader = CaptureReader.Open(plan.Capture, new CaptureReaderOptions { DecodeAhead = true, TouchesOnly = plan.UseIndex });
        HostScript = plan.HostScript ?? HostScript.Of(_reader.Manifest);
        TotalAccesses = _reader.Manifest.Parts.Sum(part => part.Accesses);
    }

    public CaptureManifest Manifest => _reader.Manifest;

    public long TotalAccesses { get; }

    /// <summary>The plan's, or the one that the capture was recorded with.</summary>
    public HostScript? HostScript { get; }

    /// <summary>Loads of CR3 up to here.</summary>
    public IReadOnlyList<GuestCr3> GuestCr3s => _cr3s.Loads;

    /// <summary>One a mode, once it runs.</summary>
    public IReadOnlyList<ReplaySession> Sessions => _sessions;

    /// <summary>Called between chunks, with the accesses replayed so far.</summary>
    public Action<long>? Between { get; set; }

    /// <summary>Called when the replay stops before its end because it is cancelled.</summary>
    public Action<long>? Interrupted { get; set; }

    /// <summary>Called when every chunk is replayed.</summary>
    public Action<long>? Ended { get; set; }

    /// <summary>What a user is to be told of indexes that could not be used.</summary>
    public IReadOnlyList<string> IndexProblems => _reader.IndexProblems;

    public static ReplayDriver Open(ReplayPlan plan) => new(plan);

    /// <summary>Replays to the end.</summary>
    /// <param name="historyOf">Gives each variant's observer.</param>
    /// <param name="progress">Told the accesses replayed so far.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <returns>A result for each variant, in the plan's order.</returns>
    public IReadOnlyList<ReplayResult> Run(Func<ReplayVariant, IHistory> historyOf, Action<long>? progress, CancellationToken cancellation)
    {
        foreach (var variant in _plan.Variants)
            _sessions.Add(new ReplaySession(_reader.Manifest, _plan.OptionsFor(variant) with { HostScript = HostScript }, historyOf(variant)));
        return Run(progress, cancellation);
    }

    /// <summary>Goes on to the end from a place in the capture.</summary>
    /// <param name="sessions">As they were there, one a mode.</param>
    /// <param name="ordinal">Last event replayed.</param>
    /// <param name="accesses">Accesses replayed.</param>
    /// <param name="progress">Told the accesses replayed so far.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    public IReadOnlyList<ReplayResult> Resume(
        IEnumerable<ReplaySession> sessions, long ordinal, long accesses, Action<long>? progress, CancellationToken cancellation)
    {
        _sessions.AddRange(sessions);
        _accesses = accesses;
        LookUpTo(ordinal);
        _reader.Seek(ordinal + 1);
        return Run(progress, cancellation);
    }

    public void Dispose() => _reader.Dispose();

    private IReadOnlyList<ReplayResult> Run(Action<long>? progress, CancellationToken cancellation)
    {
        var chunk = new TraceChunk();
        while (_reader.TryRead(chunk))
        {
            if (cancellation.IsCancellationRequested)
                Interrupted?.Invoke(_accesses);
            cancellation.ThrowIfCancellationRequested();
            Process(chunk);
            _cr3s.Look(chunk.Events);
            _accesses += chunk.RowCount;
            Between?.Invoke(_accesses);
            progress?.Invoke(_accesses);
        }

        Ended?.Invoke(_accesses);
        return [.. _sessions.Select(session => session.Finish())];
    }

    /// <summary>What the guest ran on before the place at which the replay goes on is in no checkpoint.</summary>
    private void LookUpTo(long ordinal)
    {
        using var reader = CaptureReader.Open(_plan.Capture);
        var chunk = new TraceChunk();
        while (reader.TryRead(chunk) && (chunk.Events.Count == 0 || chunk.Events[0].Ordinal <= ordinal))
        {
            chunk.Events.RemoveAll(row => row.Ordinal > ordinal);
            _cr3s.Look(chunk.Events);
        }
    }

    private void Process(TraceChunk chunk)
    {
        if (_sessions.Count == 1)
        {
            _sessions[0].Process(chunk);
            return;
        }

        if (chunk.Touched is null)
            _firstTouches.Find(chunk);
        var toLookAt = chunk.Touched is null ? _firstTouches.Indices.Length : chunk.AccessCount;
        if (_plan.Threads <= 1 || toLookAt + chunk.Events.Count < WorthThreads)
        {
            foreach (var session in _sessions)
                session.Process(chunk, _firstTouches);
            return;
        }

        try
        {
            Parallel.ForEach(_sessions, new ParallelOptions { MaxDegreeOfParallelism = _plan.Threads }, session => session.Process(chunk, _firstTouches));
        }
        catch (AggregateException failures)
        {
            throw failures.InnerExceptions[0];
        }
    }
}
