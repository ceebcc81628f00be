using Replay.Recorder.Tests.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>Keeps a whole stream.</summary>
internal sealed class RowSink : ITraceSink
{
    public List<Streams.Row> Rows { get; } = [];

    public void Write(TraceChunk chunk) => Rows.AddRange(Streams.Rows(chunk));
}
