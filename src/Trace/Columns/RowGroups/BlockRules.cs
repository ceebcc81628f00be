using System.Runtime.Intrinsics;

namespace Replay.Trace.Columns;

/// <summary>What <see cref="AccessRules"/> and <see cref="Storage.ChunkOrder"/> are for chunks, for blocks of accesses.</summary>
internal static class BlockRules
{
    private const int MaxOffset = 0xfff;

    /// <summary>Checks the rows of a block, and that they and the events are one stream that ascends after <paramref name="last"/>.</summary>
    /// <returns>The last ordinal.</returns>
    /// <exception cref="ArgumentException">A source made an access or an order that is none.</exception>
    public static long Check(AccessBlock block, ReadOnlySpan<TraceEvent> events, int vcpus, long last)
    {
        var rows = block.Count;
        AccessRules.CheckBytes(block.Vcpus.AsSpan(0, rows), block.Kinds.AsSpan(0, rows), block.Sizes.AsSpan(0, rows), vcpus);
        AccessRules.CheckEvents(events, vcpus);
        if (!FitPages(block.Offsets.AsSpan(0, rows), block.Sizes.AsSpan(0, rows)))
            throw new ArgumentException("An access crosses a 4 KiB page.");
        return CheckOrder(block, events, last);
    }

    private static long CheckOrder(AccessBlock block, ReadOnlySpan<TraceEvent> events, long last)
    {
        var runs = block.Runs;
        var row = 0;
        for (var i = 0; i < runs.Length; i++)
        {
            var rows = (i + 1 < runs.Length ? runs[i + 1].Row : block.Count) - runs[i].Row;
            for (; row < events.Length && events[row].Ordinal < runs[i].Ordinal; row++)
                last = After(last, events[row].Ordinal);
            _ = After(last, runs[i].Ordinal);
            last = runs[i].Ordinal + rows - 1;
        }
        for (; row < events.Length; row++)
            last = After(last, events[row].Ordinal);
        return last;
    }

    private static long After(long last, long ordinal) => ordinal > last && ordinal < long.MaxValue
        ? ordinal
        : throw new ArgumentException($"Ordinals must ascend strictly across accesses and events (last: {last}, then {ordinal}).");

    private static bool FitPages(ReadOnlySpan<ushort> offsets, ReadOnlySpan<byte> sizes)
    {
        var i = 0;
        var all = Vector256<ushort>.Zero;
        for (; i <= offsets.Length - Vector256<byte>.Count; i += Vector256<byte>.Count)
        {
            var size = Vector256.Create(sizes[i..]);
            var low = Vector256.Create(offsets[i..]);
            var high = Vector256.Create(offsets[(i + Vector256<ushort>.Count)..]);
            all |= low | high;
            all |= low + Vector256.WidenLower(size) - Vector256<ushort>.One;
            all |= high + Vector256.WidenUpper(size) - Vector256<ushort>.One;
        }
        if (Vector256.GreaterThanAny(all, Vector256.Create((ushort)MaxOffset)))
            return false;
        for (; i < offsets.Length; i++)
        {
            if (offsets[i] + sizes[i] - 1 > MaxOffset)
                return false;
        }
        return true;
    }
}
