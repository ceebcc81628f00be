using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

public sealed class CaptureWriterTests : IDisposable
{
    private readonly TemporaryDirectory _temporary = new();

    private string Capture => _temporary.Capture;

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public void A_capture_that_exists_is_kept_unless_forced()
    {
        Captures.Write(Capture, Captures.Simple(100));
        Assert.Contains("--force", Assert.Throws<CaptureExistsException>(() => CaptureWriter.Create(Capture, Captures.Manifest())).Message, StringComparison.Ordinal);
        Captures.Simple(100).AssertEqual(Captures.Read(Capture));

        Captures.Write(Capture, Captures.Simple(200), options: new CaptureWriterOptions { Force = true });
        Captures.Simple(200).AssertEqual(Captures.Read(Capture));
    }

    [Fact]
    public void Force_never_deletes_what_is_not_a_capture()
    {
        Directory.CreateDirectory(Capture);
        var precious = Path.Combine(Capture, "thesis.tex");
        File.WriteAllText(precious, "precious");
        Assert.Throws<CaptureExistsException>(() => CaptureWriter.Create(Capture, Captures.Manifest(), new CaptureWriterOptions { Force = true }));
        Assert.Equal("precious", File.ReadAllText(precious));

        var file = Path.Combine(_temporary.Path, "file");
        File.WriteAllText(file, "precious");
        Assert.Throws<CaptureExistsException>(() => CaptureWriter.Create(file, Captures.Manifest(), new CaptureWriterOptions { Force = true }));
        Assert.Equal("precious", File.ReadAllText(file));
    }

    [Fact]
    public void A_guests_memory_is_for_its_owners_eyes()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has no such modes");
            return;
        }

        Captures.Write(Capture, Captures.Simple(100));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Capture));
        foreach (var file in Directory.GetFiles(Capture))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Theory]
    [InlineData]
    [InlineData("manifest.json.partial")]
    public void A_recorder_killed_before_its_first_manifest_is_told_and_in_nobodys_way(params string[] left)
    {
        Directory.CreateDirectory(Capture);
        foreach (var name in left)
            File.WriteAllText(Path.Combine(Capture, name), "{");
        var told = Assert.Throws<CaptureFormatException>(() => CaptureReader.Open(Capture));
        Assert.Contains("before it had recorded anything", told.Message, StringComparison.Ordinal);
        Captures.Write(Capture, Captures.Simple(100));
        Captures.Simple(100).AssertEqual(Captures.Read(Capture));
        Assert.Equal(3, Directory.GetFileSystemEntries(Capture).Length);
    }

    [Fact]
    public void The_same_stream_gives_the_same_bytes()
    {
        var recording = Captures.Simple(200_000);
        Captures.Write(Capture, recording, options: new CaptureWriterOptions { PartAccesses = 100_000 });
        var first = Directory.GetFiles(Capture).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToList();
        Captures.Write(Capture, recording, options: new CaptureWriterOptions { PartAccesses = 100_000, QueueBlocks = 1, Force = true });
        var second = Directory.GetFiles(Capture).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToList();
        Assert.Equal(first, second);
    }

    [Fact]
    public void A_complete_capture_has_no_partial_file()
    {
        Captures.Write(Capture, Captures.Simple(1000));
        Assert.Equal(["accesses-00000.parquet", "events-00000.parquet", "manifest.json"], Directory.GetFiles(Capture).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Parts_end_by_accesses_by_events_and_by_bytes_of_events()
    {
        Assert.Equal(10, Captures.Write(Capture, Captures.Simple(1000), options: new CaptureWriterOptions { PartAccesses = 99 }).Parts.Count);
        Assert.Equal(6, Captures.Write(Capture, Captures.Simple(1000), chunkRows: 1, options: new CaptureWriterOptions { PartEvents = 2, Force = true }).Parts.Count);

        var images = new Recording();
        for (var ordinal = 0; ordinal < 100; ordinal++)
            images.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.PageImage, Gpa = (ulong)ordinal << 12, Data = new byte[4096] });
        var manifest = Captures.Write(Capture, images, chunkRows: 1, options: new CaptureWriterOptions { PartEventBytes = 10 * 4096, Force = true });
        Assert.Equal(10, manifest.Parts.Count);
        images.AssertEqual(Captures.Read(Capture));
    }

    [Fact]
    public void Parts_follow_one_another_without_overlap()
    {
        var parts = Captures.Write(Capture, Captures.Simple(1000), options: new CaptureWriterOptions { PartAccesses = 100 }).Parts;
        Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.LastOrdinal + 1, pair.Second.FirstOrdinal));
        Assert.Equal((0, 999), (parts[0].FirstOrdinal, parts[^1].LastOrdinal));
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(5, 4)]
    [InlineData(-1, 0)]
    [InlineData(0, long.MaxValue)]
    public void Ordinals_that_do_not_ascend_are_refused(long first, long second)
    {
        using var writer = CaptureWriter.Create(Capture, Captures.Manifest());
        Assert.Throws<ArgumentException>(() => writer.Write(Accesses(first, second)));

        var mixed = Accesses(first);
        mixed.Events.Add(new TraceEvent { Ordinal = second, Kind = TraceEventKind.Invlpg });
        if (second <= first)
            Assert.Throws<ArgumentException>(() => Write(writer, Accesses(first), Accesses(second)));
        if (second == first || first < 0)
            Assert.Throws<ArgumentException>(() => writer.Write(mixed));
    }

    [Fact]
    public void An_access_the_format_cannot_hold_is_refused_where_it_is_handed_over()
    {
        using var writer = CaptureWriter.Create(Capture, Captures.Manifest(hasRips: true) with { Vcpus = 2 });
        Refused(writer, chunk => chunk.Add(0, 2, AccessKind.Read, 0, 0, 0, 1));
        Refused(writer, chunk => chunk.Add(0, 0, (AccessKind)3, 0, 0, 0, 1));
        Refused(writer, chunk => chunk.Add(0, 0, AccessKind.Read, 0, 0, 0, 0));
        Refused(writer, chunk => chunk.Add(0, 0, AccessKind.Read, 0, 0, 0, 65));
        Refused(writer, chunk => chunk.Add(0, 0, AccessKind.Read, 0, 0x1ffd, 0xffd, 4));
        Refused(writer, chunk => chunk.Add(0, 0, AccessKind.Read, 0, 0x1000, 0x1001, 1));
        Refused(writer, chunk => chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = 0 }));
        Refused(writer, chunk => chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Mmio, Vcpu = 2 }));
        Refused(writer, chunk => chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Mmio, Access = (AccessKind)9 }));
        Assert.Throws<ArgumentException>(() => writer.Write(Accesses(1)));

        var good = new TraceChunk { HasRips = true };
        good.Add(0, 1, AccessKind.Fetch, AccessFlags.User, 0x1fc0, 0xfc0, 64);
        writer.Write(good);
        Assert.Equal(1, writer.Complete("done", 1).Parts.Sum(part => part.Accesses));
    }

    [Fact]
    public void A_manifest_that_no_reader_would_take_is_refused()
    {
        Assert.Throws<ArgumentException>(() => CaptureWriter.Create(Capture, Captures.Manifest() with { Vcpus = 0 }));
        Assert.Throws<ArgumentException>(() => CaptureWriter.Create(Capture, Captures.Manifest() with { Filter = new FilterRule { Entries = 3, EpochLength = 1 } }));
        Assert.False(Directory.Exists(Capture));
    }

    [Fact]
    public void What_becomes_known_while_recording_is_in_the_manifest()
    {
        using (var writer = CaptureWriter.Create(Capture, Captures.Manifest()))
        {
            writer.Amend(manifest => manifest with { MemoryBytes = 4096, Blind = ["smm"], Parts = [] });
            Captures.Simple(100).WriteTo(writer, hasRips: false, 10);
            var written = writer.Complete("stop-at", 12345);
            Assert.True(written.Complete);
        }
        using var reader = CaptureReader.Open(Capture);
        Assert.Equal(("stop-at", 12345, 4096UL, "smm"), (reader.Manifest.EndReason, reader.Manifest.AccessesSeen, reader.Manifest.MemoryBytes, reader.Manifest.Blind.Single()));
        Assert.Single(reader.Manifest.Parts);
    }

    [Fact]
    public void A_disk_that_refuses_stops_the_producer_and_hangs_nothing()
    {
        using var writer = CaptureWriter.Create(Capture, Captures.Manifest(), new CaptureWriterOptions { QueueBlocks = 1, PartAccesses = TraceChunk.Capacity });
        Directory.Delete(Capture, recursive: true);
        Assert.ThrowsAny<IOException>(() =>
        {
            for (var first = 0L; first < 100L * TraceChunk.Capacity; first += TraceChunk.Capacity)
                writer.Write(Accesses([.. Enumerable.Range(0, TraceChunk.Capacity).Select(i => first + i)]));
        });
        Assert.ThrowsAny<IOException>(() => writer.Complete("guest-exit", 0));
    }

    [Fact]
    public void Waiting_for_the_encoder_is_counted()
    {
        using var writer = CaptureWriter.Create(Capture, Captures.Manifest(), new CaptureWriterOptions { QueueBlocks = 1 });
        var chunk = new TraceChunk();
        for (var first = 0L; writer.Statistics.Stalls == 0; first += TraceChunk.Capacity)
        {
            Assert.True(first < 2000L * TraceChunk.Capacity, "the encoder is never behind");
            chunk.Clear();
            for (var i = 0; i < TraceChunk.Capacity; i++)
                chunk.Add(first + i, 0, AccessKind.Read, 0, (ulong)(first + (i * 7919)) << 3, (ulong)(first + (i * 7919)) << 3, 8);
            writer.Write(chunk);
        }
        Assert.True(writer.Statistics.StallTime > TimeSpan.Zero);
    }

    [Fact]
    public void A_writer_that_has_ended_takes_nothing()
    {
        using var writer = CaptureWriter.Create(Capture, Captures.Manifest());
        writer.Complete("guest-exit", 0);
        Assert.Throws<ObjectDisposedException>(() => writer.Write(Accesses(1)));
        Assert.Throws<ObjectDisposedException>(() => writer.ClosePart());
        Assert.Throws<ObjectDisposedException>(() => writer.Complete("guest-exit", 0));
    }

    [Fact]
    public void The_writer_keeps_no_reference_to_what_it_was_given()
    {
        var data = new byte[4096];
        var chunk = new TraceChunk();
        chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.PageImage, Data = data });
        using (var writer = CaptureWriter.Create(Capture, Captures.Manifest()))
        {
            writer.Write(chunk);
            data.AsSpan().Fill(0xff);
            writer.Complete("guest-exit", 0);
        }
        Assert.All(Captures.Read(Capture).Events.Single().Data!, value => Assert.Equal(0, value));
    }

    [Fact]
    public void An_old_partial_file_does_not_get_in_the_way()
    {
        using (var writer = CaptureWriter.Create(Capture, Captures.Manifest()))
        {
            File.WriteAllText(Path.Combine(Capture, "accesses-00000.parquet" + CaptureLayout.Partial), new string('x', 100_000));
            Captures.Simple(100).WriteTo(writer, hasRips: false, 10);
            writer.Complete("guest-exit", 100);
        }
        Captures.Simple(100).AssertEqual(Captures.Read(Capture));
    }

    private static TraceChunk Accesses(params long[] ordinals)
    {
        var chunk = new TraceChunk();
        foreach (var ordinal in ordinals)
            chunk.Add(ordinal, 0, AccessKind.Read, AccessFlags.None, 0x1000, 0x1000, 8);
        return chunk;
    }

    private static void Write(CaptureWriter writer, params TraceChunk[] chunks)
    {
        foreach (var chunk in chunks)
            writer.Write(chunk);
    }

    private static void Refused(CaptureWriter writer, Action<TraceChunk> add)
    {
        var chunk = new TraceChunk { HasRips = true };
        add(chunk);
        Assert.Throws<ArgumentException>(() => writer.Write(chunk));
    }
}
