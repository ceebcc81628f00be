using Replay.Trace;

namespace Replay.Recorder.Synthetic;

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
