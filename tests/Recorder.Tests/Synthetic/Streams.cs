using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>Whole streams as lists, in ordinal order.</summary>
internal static class Streams
{
    /// <summary>One access or event.</summary>
    public readonly record struct Row(long Ordinal, byte Vcpu, AccessKind Kind, AccessFlags Flags, ulong Gva, ulong Gpa, byte Size, ulong Rip, TraceEvent? Event);

    public static IEnumerable<Row> Rows(ITraceSource source)
    {
        var chunk = new TraceChunk();
        while (source.TryRead(chunk))
        {
            foreach (var row in Rows(chunk))
                yield return row;
        }
    }

    public static IEnumerable<Row> Rows(TraceChunk chunk)
    {
        var e = 0;
        for (var a = 0; a < chunk.AccessCount || e < chunk.Events.Count;)
        {
            if (a == chunk.AccessCount || (e < chunk.Events.Count && chunk.Events[e].Ordinal < chunk.Ordinals[a]))
            {
                yield return new Row(chunk.Events[e].Ordinal, 0, 0, 0, 0, 0, 0, 0, chunk.Events[e]);
                e++;
                continue;
            }
            yield return new Row(
                chunk.Ordinals[a], chunk.Vcpus[a], (AccessKind)chunk.Kinds[a], (AccessFlags)chunk.Flags[a], chunk.Gvas[a], chunk.Gpas[a],
                chunk.Sizes[a], chunk.Rips[a], null);
            a++;
        }
    }

    /// <summary>Reads a stream against the naive guest, which keeps what it found.</summary>
    public static NaiveGuest Check(ITraceSource source)
    {
        var guest = new NaiveGuest();
        foreach (var row in Rows(source))
        {
            if (row.Event is { } what)
                guest.Event(what);
            else
                guest.Access(row.Ordinal, row.Vcpu, row.Kind, row.Flags, row.Gva, row.Gpa, row.Size);
        }
        return guest;
    }
}
