using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Where the words of accesses go, and in what form: many at a call.</summary>
/// <param name="numbers">What the numbers in them stand for.</param>
internal abstract class AccessTarget(WireNumbers numbers)
{
    protected WireNumbers Numbers { get; } = numbers;

    public abstract bool IsFull { get; }

    /// <summary>Whether what it holds is worth handing over before it is full, when the guest idles.</summary>
    public abstract bool WritesWhenIdle { get; }

    /// <summary>Takes words of accesses up to the first that is none, or until it is full.</summary>
    /// <param name="words">What the plugin has published.</param>
    /// <param name="ordinal">Of the first access.</param>
    /// <returns>How many.</returns>
    public abstract int Take(ReadOnlySpan<ulong> words, long ordinal);

    /// <summary>Takes the word of an access whose instruction stands beside it.</summary>
    public abstract void Take(ulong word, ulong rip, long ordinal);

    /// <summary>Takes an access that stands by itself.</summary>
    public abstract void Take(in WireHead access, AccessKind kind);

    /// <summary>A number stands for another place now.</summary>
    public virtual void PlaceChanged(int place)
    {
    }

    /// <summary>A number stands for another code page now.</summary>
    public virtual void CodePageChanged(int number)
    {
    }

    /// <summary>Hands over what it has, and the events.</summary>
    public abstract void Write(List<TraceEvent> events);
}
