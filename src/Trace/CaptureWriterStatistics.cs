namespace Replay.Trace;

/// <summary>What a <see cref="CaptureWriter"/> has taken and written so far.</summary>
/// <param name="Accesses">Accesses taken.</param>
/// <param name="Events">Events taken.</param>
/// <param name="Parts">Parts that are durable.</param>
/// <param name="Bytes">Bytes of the durable parts.</param>
/// <param name="Stalls">How often the producer had to wait for the encoder.</param>
/// <param name="StallTime">How long it waited altogether.</param>
public readonly record struct CaptureWriterStatistics(long Accesses, long Events, int Parts, long Bytes, long Stalls, TimeSpan StallTime);
