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
