namespace Replay.Trace.Tests;

/// <summary>A whole stream in memory: what goes into a capture, and what comes out.</summary>
internal sealed class Recording
{
    public List<Row> Accesses { get; } = [];

    public List<TraceEvent> Events { get; } = [];

    /// <summary>Reads a source to its end, and checks on the way what every source promises of its chunks.</summary>
    public static Recording Read(ITraceSource source)
    {
        var stream = new Recording();
        var chunk = new TraceChunk();
        var last = -1L;
        while (source.TryRead(chunk))
        {
            Assert.True(chunk.AccessCount + chunk.Events.Count > 0, "an empty chunk");
            for (var i = 0; i < chunk.AccessCount; i++)
            {
                stream.Accesses.Add(new Row(
                    chunk.Ordinals[i],
                    chunk.Vcpus[i],
                    (AccessKind)chunk.Kinds[i],
                    (AccessFlags)chunk.Flags[i],
                    chunk.Gvas[i],
                    chunk.Gpas[i],
                    chunk.Sizes[i],
                    chunk.HasRips ? chunk.Rips[i] : 0));
            }
            stream.Events.AddRange(chunk.Events);
            var ordinals = chunk.Ordinals.Take(chunk.AccessCount).Concat(chunk.Events.Select(row => row.Ordinal)).ToList();
            Assert.True(ordinals.Min() > last, "a chunk overlaps the chunk before it");
            last = ordinals.Max();
        }
        Assert.Equal(0, chunk.AccessCount + chunk.Events.Count);
        return stream;
    }

    public void WriteTo(ITraceSink sink, bool hasRips, int chunkRows)
    {
        var chunk = new TraceChunk { HasRips = hasRips };
        foreach (var (access, row) in Merged())
        {
            if (access is { } a)
                chunk.Add(a.Ordinal, a.Vcpu, a.Kind, a.Flags, a.Gva, a.Gpa, a.Size, a.Rip);
            else
                chunk.Events.Add(row!.Value);
            if (chunk.AccessCount + chunk.Events.Count >= chunkRows)
            {
                sink.Write(chunk);
                chunk.Clear();
            }
        }
        if (chunk.AccessCount + chunk.Events.Count > 0)
            sink.Write(chunk);
    }

    /// <summary>In blocks of so many accesses, whose numbers change as events come between.</summary>
    public void WriteBlocksTo(CaptureWriter writer, int blockRows)
    {
        var block = writer.TakeBlock();
        var events = new List<TraceEvent>();
        var rips = new Dictionary<ulong, ushort>();
        foreach (var (access, row) in Merged())
        {
            if (access is not { } a)
            {
                events.Add(row!.Value);
                rips.Clear();
                continue;
            }
            var at = block.Count;
            block.Offsets[at] = (ushort)(a.Gva & 0xfff);
            block.Places[at] = block.PlaceOf(a.Gva >> 12, a.Gpa >> 12);
            if (!rips.TryGetValue(a.Rip, out var rip))
                rips.Add(a.Rip, rip = block.AddRip(a.Rip));
            block.Rips[at] = rip;
            block.Kinds[at] = (byte)a.Kind;
            block.Flags[at] = (byte)a.Flags;
            block.Sizes[at] = a.Size;
            block.Vcpus[at] = a.Vcpu;
            block.Append(1, a.Ordinal);
            if (block.Count < blockRows)
                continue;
            Write();
            block = writer.TakeBlock();
        }
        Write();

        void Write()
        {
            writer.Write(block, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(events));
            events.Clear();
            rips.Clear();
        }
    }

    /// <summary>What is left from an ordinal on.</summary>
    public Recording From(long ordinal)
    {
        var rest = new Recording();
        rest.Accesses.AddRange(Accesses.Where(row => row.Ordinal >= ordinal));
        rest.Events.AddRange(Events.Where(row => row.Ordinal >= ordinal));
        return rest;
    }

    public void AssertEqual(Recording other)
    {
        Assert.Equal(Accesses, other.Accesses);
        Assert.Equal(Events.Select(Comparable), other.Events.Select(Comparable));
    }

    /// <summary>Records compare arrays by reference, so the data is compared beside the rest.</summary>
    private static (TraceEvent Event, string? Data) Comparable(TraceEvent row) =>
        (row with { Data = null }, row.Data is null ? null : Convert.ToHexString(row.Data));

    private IEnumerable<(Row? Access, TraceEvent? Event)> Merged()
    {
        var next = 0;
        foreach (var access in Accesses)
        {
            for (; next < Events.Count && Events[next].Ordinal < access.Ordinal; next++)
                yield return (null, Events[next]);
            yield return (access, null);
        }
        for (; next < Events.Count; next++)
            yield return (null, Events[next]);
    }
}
