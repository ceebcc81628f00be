using System.Collections.Concurrent;
using System.Diagnostics;

namespace Replay.Trace.Storage;

/// <summary>A fixed number of reusable blocks: whoever finds none waits for one, which bounds memory and slows the producer down.</summary>
internal sealed class BlockPool<T> : IDisposable
    where T : class
{
    /// <summary>The block that came back last is the one still in the cache.</summary>
    private readonly BlockingCollection<T> _free = new(new ConcurrentStack<T>());
    private readonly Func<T> _make;
    private int _unmade;
    private long _stalls;
    private long _stallTicks;

    public BlockPool(int blocks, Func<T> make)
    {
        _unmade = blocks;
        _make = make;
    }

    public long Stalls => Volatile.Read(ref _stalls);

    public TimeSpan StallTime => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _stallTicks));

    /// <summary>Takes a free block. One thread takes; any may give back.</summary>
    public T Take()
    {
        if (_free.TryTake(out var block))
            return block;
        if (_unmade > 0)
        {
            _unmade--;
            return _make();
        }
        var begin = Stopwatch.GetTimestamp();
        block = _free.Take();
        Volatile.Write(ref _stalls, _stalls + 1);
        Volatile.Write(ref _stallTicks, _stallTicks + Stopwatch.GetTimestamp() - begin);
        return block;
    }

    public void Return(T block) => _free.Add(block);

    public void Dispose() => _free.Dispose();
}
