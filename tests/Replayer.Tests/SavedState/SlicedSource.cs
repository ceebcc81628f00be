using Replay.Trace;

namespace Replay.Replayer.Tests.SavedState;

/// <summary>A source in chunks of a few thousand ordinals, so that short workloads have many.</summary>
internal sealed class SlicedSource(ITraceSource source, long ordinals) : ITraceSource
{
    private readonly TraceChunk _chunk = new();
    private int _access;
    private int _event;

    public CaptureManifest Manifest => source.Manifest;

    public bool TryRead(TraceChunk chunk)
    {
        chunk.Clear();
        if (_access == _chunk.AccessCount && _event == _chunk.Events.Count)
        {
            if (!source.TryRead(_chunk))
                return false;
            (_access, _event) = (0, 0);
        }

        var end = Math.Min(Next(_access < _chunk.AccessCount, () => _chunk.Ordinals[_access]), Next(_event < _chunk.Events.Count, () => _chunk.Events[_event].Ordinal)) + ordinals;
        for (; _access < _chunk.AccessCount && _chunk.Ordinals[_access] < end; _access++)
        {
            var i = _access;
            chunk.Add(
                _chunk.Ordinals[i],
                _chunk.Vcpus[i],
                (AccessKind)_chunk.Kinds[i],
                (AccessFlags)_chunk.Flags[i],
                _chunk.Gvas[i],
                _chunk.Gpas[i],
                _chunk.Sizes[i],
                _chunk.Rips[i]);
        }

        chunk.HasRips = _chunk.HasRips;
        for (; _event < _chunk.Events.Count && _chunk.Events[_event].Ordinal < end; _event++)
            chunk.Events.Add(_chunk.Events[_event]);
        return true;
    }

    private static long Next(bool any, Func<long> ordinal) => any ? ordinal() : long.MaxValue / 2;
}
