using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>Passes a full stream's chunks through a <see cref="PageFilter"/>: every event, and the accesses it admits, keep their ordinals.</summary>
internal sealed class ChunkFilter
{
    private readonly PageFilter _filter;

    public ChunkFilter(FilterRule rule, ulong memoryBytes) => _filter = new PageFilter(rule, memoryBytes);

    /// <summary>Adds to <paramref name="output"/> what remains of <paramref name="input"/>; there must be room for all of it.</summary>
    public void Append(TraceChunk input, TraceChunk output)
    {
        output.HasRips = input.HasRips;
        var next = 0;
        foreach (var row in input.Events)
        {
            next = AppendAccesses(input, output, next, row.Ordinal);
            output.Events.Add(_filter.See(row));
        }
        AppendAccesses(input, output, next, long.MaxValue);
    }

    private int AppendAccesses(TraceChunk input, TraceChunk output, int from, long endOrdinal)
    {
        var count = input.AccessCount;
        var to = output.AccessCount;
        for (; from < count && input.Ordinals[from] < endOrdinal; from++)
        {
            if (!_filter.Admits(input.Ordinals[from], input.Vcpus[from], input.Kinds[from], input.Flags[from], input.Gvas[from]))
                continue;
            output.Ordinals[to] = input.Ordinals[from];
            output.Gvas[to] = input.Gvas[from];
            output.Gpas[to] = input.Gpas[from];
            output.Rips[to] = input.Rips[from];
            output.Sizes[to] = input.Sizes[from];
            output.Kinds[to] = input.Kinds[from];
            output.Flags[to] = input.Flags[from];
            output.Vcpus[to] = input.Vcpus[from];
            to++;
        }
        output.AccessCount = to;
        return from;
    }
}
