using Replay.Trace.Tracepoints;

namespace Replay.Cli.Importing;

/// <summary>Lets the events of some threads through.</summary>
internal sealed class PidFilter(TracepointSink sink, IReadOnlySet<int> pids) : ForwardingSink(sink)
{
    protected override bool Takes(in TraceLine line) => pids.Contains(line.Pid);
}
