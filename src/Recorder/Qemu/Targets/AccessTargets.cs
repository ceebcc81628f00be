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

/// <summary>Makes chunks, for sinks that take nothing else.</summary>
internal sealed class ChunkTarget(WireNumbers numbers, ITraceSink sink, bool rips) : AccessTarget(numbers)
{
    /// <summary>Few enough to stay in the cache between one step and the next.</summary>
    private const int AccessesPerChunk = 4096;

    private const int PageShift = 12;

    private readonly TraceChunk _chunk = new() { HasRips = rips };

    public override bool IsFull => _chunk.AccessCount == AccessesPerChunk;

    public override bool WritesWhenIdle => true;

    public override int Take(ReadOnlySpan<ulong> words, long ordinal)
    {
        var count = Math.Min(words.Length, AccessesPerChunk - _chunk.AccessCount);
        for (var i = 0; i < count; i++)
        {
            var word = words[i];
            if (word >= WireWord.Limit)
                return i;
            Take(word, Numbers.Rip(WireWord.Instruction(word)), ordinal + i);
        }
        return count;
    }

    public override void Take(ulong word, ulong rip, long ordinal)
    {
        var place = Numbers.FirstPlace + WireWord.Place(word);
        var offset = (ulong)WireWord.Offset(word);
        _chunk.Add(
            ordinal,
            Numbers.Vcpu,
            (AccessKind)WireWord.Kind(word),
            (AccessFlags)WireWord.Flags(word),
            (Numbers.GvaPage(place) << PageShift) | offset,
            (Numbers.GpaPage(place) << PageShift) | offset,
            (byte)WireWord.Size(word),
            rip);
    }

    public override void Take(in WireHead access, AccessKind kind) =>
        _chunk.Add(access.Ordinal, access.Vcpu, kind, (AccessFlags)access.Flags, access.Gva, access.Gpa, access.Size, access.Rip);

    public override void Write(List<TraceEvent> events)
    {
        if (_chunk.AccessCount == 0 && events.Count == 0)
            return;
        _chunk.Events.AddRange(events);
        sink.Write(_chunk);
        _chunk.Clear();
    }
}
