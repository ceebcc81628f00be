using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Replay.Analyzer.Store;

/// <summary>Runs the database's work in order on a thread of its own, so that storing overlaps with the replay.</summary>
internal sealed class IngestThread : IDisposable
{
    private readonly BlockingCollection<Action> _work = [];
    private readonly Thread _thread;
    private volatile Exception? _failure;

    public IngestThread(string name)
    {
        _thread = new Thread(Loop) { Name = name, IsBackground = true };
        _thread.Start();
    }

    /// <summary>The first thing that went wrong; from then on posted work is not done.</summary>
    public Exception? Failure => _failure;

    /// <summary>Queues work.</summary>
    public void Post(Action work) => _work.Add(work);

    /// <summary>Queues work and waits until it is done.</summary>
    /// <exception cref="StoreException">It failed, or something before it.</exception>
    public void Invoke(Action work)
    {
        using var done = new ManualResetEventSlim();
        _work.Add(() =>
        {
            try
            {
                if (_failure is null)
                    work();
            }
            catch (Exception exception)
            {
                _failure = exception;
            }
            finally
            {
                done.Set();
            }
        });
        done.Wait();
        ThrowIfFailed();
    }

    public void ThrowIfFailed()
    {
        switch (_failure)
        {
            case null:
                return;
            case StoreException failure:
                throw new StoreException(failure.Message, failure);
            default:
                ExceptionDispatchInfo.Throw(_failure);
                break;
        }
    }

    public void Dispose()
    {
        _work.CompleteAdding();
        _thread.Join();
        _work.Dispose();
    }

    private void Loop()
    {
        foreach (var work in _work.GetConsumingEnumerable())
        {
            try
            {
                work();
            }
            catch (Exception exception)
            {
                _failure ??= exception;
            }
        }
    }
}
