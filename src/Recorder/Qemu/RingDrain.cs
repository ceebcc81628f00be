using System.Diagnostics;
using Replay.Trace;

namespace Replay.Recorder.Qemu;

/// <summary>Moves what the plugin recorded from the ring into a sink, chunk by chunk.</summary>
/// <param name="ring">Where it comes from.</param>
/// <param name="decoder">Holds the chunk under way.</param>
internal sealed class RingDrain(SharedRing ring, RecordDecoder decoder)
{
    private static readonly TimeSpan IdleFlush = TimeSpan.FromSeconds(1);

    private long _lastWrite = Stopwatch.GetTimestamp();

    /// <summary>Decodes what stands in the ring now; full chunks go to <paramref name="sink"/>.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool Drain(ITraceSink sink)
    {
        var head = ring.Head;
        var tail = ring.Tail;
        var start = tail;
        while (tail < head)
        {
            var slots = ring.Slots(tail, (int)Math.Min(head - tail, int.MaxValue));
            var used = decoder.Decode(slots);
            if (used == 0 && !decoder.IsFull)
                used = DecodeAcrossEnd(tail, head, slots.Length);
            if (used == 0 && !decoder.IsFull)
                break;
            tail += (ulong)used;
            ring.Tail = tail;
            if (decoder.IsFull)
                Write(sink);
        }
        return tail != start;
    }

    /// <summary>Hands over the chunk under way, full or not.</summary>
    public void Write(ITraceSink sink)
    {
        _lastWrite = Stopwatch.GetTimestamp();
        if (decoder.Chunk is { AccessCount: 0, Events.Count: 0 })
            return;
        sink.Write(decoder.Chunk);
        decoder.Chunk.Clear();
    }

    /// <summary>Hands over the chunk under way if it has been long: a guest that idles does not fill it.</summary>
    public void WriteIfIdle(ITraceSink sink)
    {
        if (Stopwatch.GetElapsedTime(_lastWrite) > IdleFlush)
            Write(sink);
    }

    /// <summary>A record of several slots that the ring's end cuts in two.</summary>
    private int DecodeAcrossEnd(ulong tail, ulong head, int contiguous)
    {
        var length = WireFormat.SlotsOf(ring.Slots(tail, 1)[0].Type);
        if (length <= contiguous || head - tail < (ulong)length)
            return 0;
        var record = new WireSlot[length];
        ring.Slots(tail, contiguous).CopyTo(record);
        ring.Slots(tail + (ulong)contiguous, length - contiguous).CopyTo(record.AsSpan(contiguous));
        return decoder.Decode(record);
    }
}
