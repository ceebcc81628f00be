using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Replay.Trace.Storage;

/// <summary>Decodes on a thread of its own into a fixed number of chunks that go round between it and the reader.</summary>
internal sealed class ChunkPump : IDisposable
{
    private readonly Func<TraceChunk, bool> _read;
    private readonly BlockingCollection<TraceChunk> _free = [];
    private readonly BlockingCollection<TraceChunk> _ready = [];
    private readonly Thread _thread;
    private ExceptionDispatchInfo? _failure;

    public ChunkPump(Func<TraceChunk, bool> read, int chunks)
    {
        _read = read;
        for (var i = 0; i < chunks; i++)
            _free.Add(new TraceChunk());
        _thread = new Thread(Run) { IsBackground = true, Name = "capture decoder" };
        _thread.Start();
    }

    /// <summary>Hands over the next chunk by exchanging arrays; false at the end.</summary>
    public bool TryRead(TraceChunk chunk)
    {
        if (!_ready.TryTake(out var next, Timeout.Infinite))
        {
            chunk.Clear();
            _failure?.Throw();
            return false;
        }
        chunk.Swap(next);
        _free.Add(next);
        return true;
    }

    public void Dispose()
    {
        _free.CompleteAdding();
        while (_free.TryTake(out _))
        {
        }
        _thread.Join();
        _free.Dispose();
        _ready.Dispose();
    }

    private void Run()
    {
        try
        {
            while (_free.TryTake(out var chunk, Timeout.Infinite) && _read(chunk))
                _ready.Add(chunk);
        }
        catch (Exception error)
        {
            _failure = ExceptionDispatchInfo.Capture(error);
        }
        _ready.CompleteAdding();
    }
}
