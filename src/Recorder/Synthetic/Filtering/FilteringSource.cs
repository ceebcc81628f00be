using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>A full stream read through a page filter, as if it had been recorded with one.</summary>
public sealed class FilteringSource : ITraceSource
{
    private readonly ITraceSource _full;
    private readonly FilterRule _rule;
    private readonly ChunkFilter _filter;
    private readonly TraceChunk _input = new();

    public FilteringSource(ITraceSource full, FilterRule rule)
    {
        _full = full;
        _rule = rule;
        _filter = new ChunkFilter(rule, full.Manifest.MemoryBytes);
    }

    public CaptureManifest Manifest => _full.Manifest with { Filter = _rule };

    public bool TryRead(TraceChunk chunk)
    {
        do
        {
            chunk.Clear();
            if (!_full.TryRead(_input))
                return false;
            _filter.Append(_input, chunk);
        }
        while (chunk.AccessCount == 0 && chunk.Events.Count == 0);
        return true;
    }
}

/// <summary>A sink that drops what a <see cref="FilterRule"/> says before another sink sees it.</summary>
public sealed class FilteringSink : ITraceSink
{
    private readonly ITraceSink _target;
    private readonly ChunkFilter _filter;
    private readonly TraceChunk _output = new();

    public FilteringSink(ITraceSink target, FilterRule rule, ulong memoryBytes)
    {
        _target = target;
        _filter = new ChunkFilter(rule, memoryBytes);
    }

    public void Write(TraceChunk chunk)
    {
        _output.Clear();
        _filter.Append(chunk, _output);
        if (_output.AccessCount > 0 || _output.Events.Count > 0)
            _target.Write(_output);
    }
}

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
