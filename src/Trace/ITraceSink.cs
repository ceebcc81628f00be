namespace Replay.Trace;

/// <summary>Where a recorder puts what it sees: the capture writer, or a replay that runs while the guest does.</summary>
public interface ITraceSink
{
    /// <summary>Takes one chunk; the callee copies what it keeps. Ordinals ascend from call to call.</summary>
    void Write(TraceChunk chunk);
}
