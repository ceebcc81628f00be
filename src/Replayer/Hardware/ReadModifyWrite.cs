using Replay.Trace;

namespace Replay.Replayer.Hardware;

/// <summary>Tells the first half of a read-modify-write instruction by what follows it: a store of the same instruction to the same place.</summary>
internal static class ReadModifyWrite
{
    /// <summary>The access is a read, and the next of the stream is the same instruction's write there.</summary>
    /// <param name="chunk">The stream; without instruction addresses nothing can be told.</param>
    /// <param name="i">The access.</param>
    public static bool Begins(TraceChunk chunk, int i)
    {
        if (!chunk.HasRips || chunk.Kinds[i] != (byte)AccessKind.Read)
            return false;
        var next = i + 1;
        if (next < chunk.AccessCount && chunk.Ordinals[next] == chunk.Ordinals[i] + 1)
            return chunk.Kinds[next] == (byte)AccessKind.Write && chunk.Gvas[next] == chunk.Gvas[i] && chunk.Rips[next] == chunk.Rips[i]
                && chunk.Sizes[next] == chunk.Sizes[i] && chunk.Vcpus[next] == chunk.Vcpus[i];
        return TryFindEvent(chunk.Events, chunk.Ordinals[i] + 1, out var row)
            && row.Kind == TraceEventKind.PageTableStore && row.Gva == chunk.Gvas[i] && row.Rip == chunk.Rips[i] && row.Vcpu == chunk.Vcpus[i];
    }

    private static bool TryFindEvent(List<TraceEvent> events, long ordinal, out TraceEvent row)
    {
        var low = 0;
        var high = events.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (events[middle].Ordinal < ordinal)
                low = middle + 1;
            else
                high = middle;
        }

        row = low < events.Count ? events[low] : default;
        return low < events.Count && row.Ordinal == ordinal;
    }
}
