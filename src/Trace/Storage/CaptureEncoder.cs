using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Replay.Trace.Touches;

namespace Replay.Trace.Storage;

/// <summary>The thread that encodes blocks, writes parts and keeps the manifest up to date, so that the producer does not wait for it.</summary>
internal sealed class CaptureEncoder : IDisposable
{
    private readonly string _directory;
    private readonly BlockingCollection<Job> _jobs = [];
    private readonly Lock _manifestLock = new();
    private readonly AccessFileWriter _accesses;
    private readonly EventFileWriter _events;
    private readonly TouchFileWriter? _touches;
    private readonly Thread _thread;
    private CaptureManifest _manifest;
    private PartWriter? _part;
    private Exception? _failure;
    private bool _stopped;

    public CaptureEncoder(string directory, CaptureManifest manifest, Effort effort, int queueBlocks, bool index)
    {
        _directory = directory;
        _manifest = manifest;
        _accesses = new AccessFileWriter(manifest.HasRips, effort);
        _events = new EventFileWriter(effort);
        _touches = index && manifest.Filter is null ? new TouchFileWriter(manifest.HasRips) : null;
        AccessBlocks = new BlockPool<TraceChunk>(queueBlocks + 1, () => Block(effort.GroupAccesses));
        NumberedBlocks = new BlockPool<AccessBlock>(queueBlocks + 1, static () => new AccessBlock());
        EventBlocks = new BlockPool<EventBlock>(queueBlocks + 1, () => new EventBlock(effort.GroupEvents));
        ManifestFile.Write(directory, manifest);
        _thread = new Thread(Run) { IsBackground = true, Name = "capture encoder" };
        _thread.Start();
    }

    public BlockPool<TraceChunk> AccessBlocks { get; }

    public BlockPool<AccessBlock> NumberedBlocks { get; }

    public BlockPool<EventBlock> EventBlocks { get; }

    /// <summary>The manifest as far as it is durable, amendments included.</summary>
    public CaptureManifest Manifest
    {
        get
        {
            lock (_manifestLock)
                return _manifest;
        }
    }

    /// <summary>Whether a block could not be written. The next call throws why.</summary>
    public bool HasFailed => Volatile.Read(ref _failure) is not null;

    public void Amend(Func<CaptureManifest, CaptureManifest> change)
    {
        lock (_manifestLock)
            _manifest = change(_manifest) with { Parts = _manifest.Parts };
    }

    public void Write(TraceChunk block) => Enqueue(new Job(Accesses: block));

    public void Write(AccessBlock block) => Enqueue(new Job(Numbered: block));

    public void Write(EventBlock block) => Enqueue(new Job(Events: block));

    /// <summary>Closes the part in flight, once all that was handed over is in it.</summary>
    /// <param name="wait">Return when the part is durable.</param>
    public void ClosePart(bool wait)
    {
        if (!wait)
        {
            Enqueue(default);
            return;
        }
        using var done = new ManualResetEventSlim();
        Enqueue(new Job(Done: done));
        done.Wait();
        ThrowFailure();
    }

    /// <summary>Writes the last part and the last manifest.</summary>
    public void Complete()
    {
        Stop();
        ThrowFailure();
        if (Manifest.Parts.Count == 0)
            OpenPart();
        FinishPart();
        ManifestFile.Write(_directory, Manifest);
    }

    /// <summary>Does what was handed over, and throws nothing.</summary>
    public void Dispose()
    {
        Stop();
        _part?.Dispose();
        _accesses.Dispose();
        _events.Dispose();
        _touches?.Dispose();
        _jobs.Dispose();
        AccessBlocks.Dispose();
        NumberedBlocks.Dispose();
        EventBlocks.Dispose();
    }

    private void Stop()
    {
        if (_stopped)
            return;
        _stopped = true;
        _jobs.CompleteAdding();
        _thread.Join();
    }

    private void Enqueue(Job job)
    {
        if (HasFailed)
            ThrowFailure();
        _jobs.Add(job);
    }

    private void ThrowFailure()
    {
        if (Volatile.Read(ref _failure) is { } failure)
            ExceptionDispatchInfo.Throw(failure);
    }

    private void Run()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            // After a failure the rest is only drained: the producer learns of it at its next call and must not wait for a block.
            if (_failure is null)
                TryDo(job);
            Release(job);
        }
    }

    private void TryDo(Job job)
    {
        try
        {
            if (job.Accesses is { } accesses)
                OpenPart().Write(accesses);
            else if (job.Numbered is { } numbered)
                OpenPart().Write(numbered);
            else if (job.Events is { } events)
                OpenPart().Write(events.Events);
            else
                FinishPart();
        }
        catch (Exception error)
        {
            Volatile.Write(ref _failure, error);
        }
    }

    private void Release(Job job)
    {
        if (job.Accesses is { } accesses)
        {
            accesses.Clear();
            AccessBlocks.Return(accesses);
        }
        if (job.Numbered is { } numbered)
        {
            numbered.Clear();
            NumberedBlocks.Return(numbered);
        }
        if (job.Events is { } events)
        {
            events.Clear();
            EventBlocks.Return(events);
        }
        job.Done?.Set();
    }

    private static TraceChunk Block(int accesses)
    {
        var block = new TraceChunk();
        block.MakeRoom(accesses);
        return block;
    }

    private PartWriter OpenPart() => _part ??= new PartWriter(_directory, Manifest.Parts.Count, _accesses, _events, _touches);

    private void FinishPart()
    {
        if (_part is null)
            return;
        var part = _part.Close();
        _part.Dispose();
        _part = null;
        lock (_manifestLock)
            _manifest = _manifest with { Parts = [.. _manifest.Parts, part] };
        ManifestFile.Write(_directory, Manifest);
    }

    /// <summary>A block of accesses, a block of events, or (none) the end of a part.</summary>
    private readonly record struct Job(
        TraceChunk? Accesses = null,
        AccessBlock? Numbered = null,
        EventBlock? Events = null,
        ManualResetEventSlim? Done = null);
}
