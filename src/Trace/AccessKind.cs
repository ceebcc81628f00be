namespace Replay.Trace;

/// <summary>What an access does to memory. The values are part of capture format v1.</summary>
public enum AccessKind : byte
{
    Read = 0,
    Write = 1,

    /// <summary>An instruction fetch: recorded once each time execution enters another 4 KiB page.</summary>
    Fetch = 2,
}
