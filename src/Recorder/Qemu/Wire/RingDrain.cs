using System.Diagnostics;

namespace Replay.Recorder.Qemu;

/// <summary>Moves what the plugin recorded out of the ring.</summary>
/// <param name="ring">Where it comes from.</param>
/// <param name="decoder">Where it goes.</param>
internal sealed class RingDrain(SharedRing ring, RecordDecoder decoder)
{
    /// <summary>Words that are taken out before the plugin learns of the room.</summary>
    private const int Step = 1 << 14;

    private static readonly TimeSpan IdleFlush = TimeSpan.FromSeconds(1);

    private long _lastWrite = Stopwatch.GetTimestamp();

    /// <summary>Decodes what stands in the ring now; what is full is handed over.</summary>
    /// <returns>Whether there was anything.</returns>
    public bool Drain()
    {
        var head = ring.Head;
        var tail = ring.Tail;
        var start = tail;
        while (tail < head)
        {
            var words = ring.Words(tail, (int)Math.Min(head - tail, Step));
            var used = decoder.Decode(words);
            if (used == 0 && !decoder.IsFull)
                used = DecodeAcrossEnd(tail, head, words.Length);
            if (used == 0 && !decoder.IsFull)
                break;
            tail += (ulong)used;
            ring.Tail = tail;
            if (decoder.IsFull)
                Write();
        }
        return tail != start;
    }

    /// <summary>Hands over what there is.</summary>
    public void Write()
    {
        _lastWrite = Stopwatch.GetTimestamp();
        decoder.Write();
    }

    /// <summary>Hands over what there is if it has been long: a guest that idles fills nothing.</summary>
    public void WriteIfIdle()
    {
        if (decoder.WritesWhenIdle && Stopwatch.GetElapsedTime(_lastWrite) > IdleFlush)
            Write();
    }

    /// <summary>A record of several words that the ring's end, or that of a step, cuts in two.</summary>
    private int DecodeAcrossEnd(ulong tail, ulong head, int contiguous)
    {
        var length = WireFormat.WordsOf(WireHead.TypeOf(ring.Words(tail, 1)[0]));
        if (length <= contiguous || head - tail < (ulong)length)
            return 0;
        var record = new ulong[length];
        ring.Words(tail, contiguous).CopyTo(record);
        ring.Words(tail + (ulong)contiguous, length - contiguous).CopyTo(record.AsSpan(contiguous));
        return decoder.Decode(record);
    }
}
