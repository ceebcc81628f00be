using Replay.Trace.Columns;

namespace Replay.Trace.Storage;

/// <summary>Checks the order that a chunk promises.</summary>
internal static class ChunkOrder
{
    /// <summary>Checks that accesses and events ascend strictly, after <paramref name="last"/>, and share no ordinal.</summary>
    /// <returns>The last ordinal, or null where the order is broken (the highest number there is stands for the end, and is no ordinal).</returns>
    public static long? Check(TraceChunk chunk, long last)
    {
        var ordinals = chunk.Ordinals.AsSpan(0, chunk.AccessCount);
        if (!ordinals.IsEmpty && (ordinals[0] <= last || !Lanes.Ascend(ordinals)))
            return null;
        var previous = last;
        ReadOnlySpan<long> rest = ordinals;
        foreach (ref readonly var row in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(chunk.Events))
        {
            if (row.Ordinal <= previous || !SkipTo(ref rest, row.Ordinal))
                return null;
            previous = row.Ordinal;
        }
        if (!ordinals.IsEmpty)
            previous = Math.Max(previous, ordinals[^1]);
        return previous < long.MaxValue ? previous : null;
    }

    /// <summary>Passes over the ordinals below another, which mostly are few: doubling steps first.</summary>
    /// <returns>False where the ordinal itself stands there.</returns>
    private static bool SkipTo(ref ReadOnlySpan<long> ordinals, long ordinal)
    {
        var reach = 1;
        while (reach < ordinals.Length && ordinals[reach] < ordinal)
            reach *= 2;
        var found = ordinals[..Math.Min(reach + 1, ordinals.Length)].BinarySearch(ordinal);
        ordinals = ordinals[(found < 0 ? ~found : found)..];
        return found < 0;
    }
}
