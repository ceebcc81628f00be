namespace Replay.Recorder;

/// <summary>How far a live recording is.</summary>
/// <param name="Elapsed">Since the source was started.</param>
/// <param name="AccessesSeen">Accesses the guest made, recorded or dropped by the filter.</param>
/// <param name="AccessesRecorded">Accesses handed to the sink.</param>
/// <param name="EventsRecorded">Events handed to the sink.</param>
/// <param name="Bytes">Bytes of capture that are durable; 0 where the sink is no capture.</param>
/// <param name="Stalls">Times the guest had to wait for the recorder.</param>
/// <param name="StallTime">How long it waited in all.</param>
public readonly record struct RecordingProgress(
    TimeSpan Elapsed,
    long AccessesSeen,
    long AccessesRecorded,
    long EventsRecorded,
    long Bytes,
    long Stalls,
    TimeSpan StallTime);
