namespace Replay.Trace.Storage;

/// <summary>Events on their way to a file: a row group.</summary>
/// <param name="maxEvents">How many it has at most.</param>
internal sealed class EventBlock(int maxEvents)
{
    public const long MaxBytes = 4 << 20;

    public List<TraceEvent> Events { get; } = [];

    /// <summary>Bytes of documents and page images in it.</summary>
    public long Bytes { get; private set; }

    public bool IsFull => Events.Count >= maxEvents || Bytes >= MaxBytes;

    /// <summary>Takes an event, its data copied.</summary>
    public void Add(in TraceEvent row)
    {
        Events.Add(row.Data is null ? row : row with { Data = row.Data.AsSpan().ToArray() });
        Bytes += PayloadBytes(row);
    }

    public void Clear()
    {
        Events.Clear();
        Bytes = 0;
    }

    public static long PayloadBytes(in TraceEvent row) => (row.Data?.Length ?? 0) + (row.Detail?.Length ?? 0);
}
