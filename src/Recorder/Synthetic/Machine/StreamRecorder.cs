using System.Runtime.CompilerServices;
using Replay.Trace;

namespace Replay.Recorder.Synthetic.Machine;

/// <summary>Numbers everything the machine does and lays it into chunks; what no longer fits the attached chunk waits in further ones.</summary>
public sealed class StreamRecorder
{
    private const int EventLimit = 4096;

    private readonly Queue<TraceChunk> _waiting = new();
    private TraceChunk _chunk;

    public StreamRecorder()
    {
        _chunk = new TraceChunk { HasRips = true };
        _waiting.Enqueue(_chunk);
    }

    /// <summary>The ordinal the next access or event will have.</summary>
    public long NextOrdinal { get; private set; }

    /// <summary>Accesses so far, also those that stand in the stream as events.</summary>
    public long Accesses { get; private set; }

    /// <summary>Whether the attached chunk should be handed out before <paramref name="reserve"/> more accesses are made.</summary>
    public bool WantsHandOver(int reserve)
        => _waiting.Count > 0 || _chunk.AccessCount > TraceChunk.Capacity - reserve || _chunk.Events.Count > EventLimit;

    /// <summary>Empties <paramref name="chunk"/> and records into it from now on; false when it was filled at once from what waited.</summary>
    public bool Attach(TraceChunk chunk)
    {
        chunk.Clear();
        chunk.HasRips = true;
        while (_waiting.TryDequeue(out var oldest))
        {
            if (oldest.AccessCount == 0 && oldest.Events.Count == 0)
                continue;
            Copy(oldest, chunk);
            return false;
        }
        _chunk = chunk;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Access(Vcpu vcpu, AccessKind kind, AccessFlags flags, ulong gva, ulong gpa, int size)
    {
        if (_chunk.AccessCount == TraceChunk.Capacity)
            Spill();
        _chunk.Add(NextOrdinal, vcpu.Index, kind, flags, gva, gpa, (byte)size, vcpu.Rip);
        NextOrdinal++;
        Accesses++;
    }

    /// <summary>Adds an event that is no access; its ordinal is replaced by the next one.</summary>
    public void Event(TraceEvent what)
    {
        _chunk.Events.Add(what with { Ordinal = NextOrdinal });
        NextOrdinal++;
    }

    /// <summary>Adds an event that is an access as well.</summary>
    public void AccessEvent(TraceEvent what)
    {
        Event(what);
        Accesses++;
    }

    private static void Copy(TraceChunk from, TraceChunk to)
    {
        var count = from.AccessCount;
        Array.Copy(from.Ordinals, to.Ordinals, count);
        Array.Copy(from.Gvas, to.Gvas, count);
        Array.Copy(from.Gpas, to.Gpas, count);
        Array.Copy(from.Rips, to.Rips, count);
        Array.Copy(from.Sizes, to.Sizes, count);
        Array.Copy(from.Kinds, to.Kinds, count);
        Array.Copy(from.Flags, to.Flags, count);
        Array.Copy(from.Vcpus, to.Vcpus, count);
        to.AccessCount = count;
        to.Events.AddRange(from.Events);
    }

    private void Spill()
    {
        var next = new TraceChunk { HasRips = true };
        _waiting.Enqueue(next);
        _chunk = next;
    }
}
