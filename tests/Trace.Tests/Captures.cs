namespace Replay.Trace.Tests;

/// <summary>Writes captures for tests.</summary>
internal static class Captures
{
    public static CaptureManifest Manifest(bool hasRips = false, bool filtered = true) => new()
    {
        Source = "synthetic",
        Tool = "test",
        HasRips = hasRips,
        MemoryBytes = 1UL << 40,
        Vcpus = 256,
        Origin = { ["workload"] = "random" },
        Filter = !filtered ? null : new FilterRule { Entries = 64, EpochLength = 1000, FlushOn = ["cr_write", "invlpg", "invpcid", "page_table_store", "pkru_write", "host_event", "epoch"] },
        Blind = ["dma"],
    };

    public static CaptureManifest Write(string directory, Recording recording, bool hasRips = false, int chunkRows = 50, CaptureWriterOptions? options = null, bool filtered = true)
    {
        using var writer = CaptureWriter.Create(directory, Manifest(hasRips, filtered), options);
        recording.WriteTo(writer, hasRips, chunkRows);
        return writer.Complete("guest-exit", recording.Accesses.Count);
    }

    /// <summary>In blocks, as a recording of every access under QEMU.</summary>
    public static CaptureManifest WriteBlocks(string directory, Recording recording, bool hasRips = true, int blockRows = AccessBlock.Capacity, CaptureWriterOptions? options = null)
    {
        using var writer = CaptureWriter.Create(directory, Manifest(hasRips, filtered: false), (options ?? new CaptureWriterOptions()) with { Hasty = true });
        recording.WriteBlocksTo(writer, blockRows);
        return writer.Complete("guest-exit", recording.Accesses.Count);
    }

    public static Recording Read(string directory, CaptureReaderOptions? options = null)
    {
        using var reader = CaptureReader.Open(directory, options);
        return Recording.Read(reader);
    }

    /// <summary>A recording of plain accesses with an event every hundredth ordinal.</summary>
    public static Recording Simple(int length, long first = 0)
    {
        var recording = new Recording();
        for (var ordinal = first; ordinal < first + length; ordinal++)
        {
            if (ordinal % 100 == 7)
                recording.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Cr3Write, Value = (ulong)ordinal << 12, Rip = 0xffffffff81000000 });
            else
                recording.Accesses.Add(new Row(ordinal, 0, (AccessKind)(ordinal % 3), AccessFlags.None, 0xffff888000000000 + ((ulong)ordinal * 8), (ulong)ordinal * 8, 8, 0));
        }
        return recording;
    }
}
