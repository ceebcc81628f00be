namespace Replay.Trace.Tests;

/// <summary>A capture that was rewritten has the same accesses, events and index in fewer bytes.</summary>
public sealed class CaptureCompactionTests
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_rewritten_capture_is_read_as_before(bool blocks, bool hasRips)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(150_000);
        var options = new CaptureWriterOptions { PartAccesses = 60_000, Hasty = true };
        if (blocks)
            Captures.WriteBlocks(temporary.Capture, recording, hasRips: hasRips);
        else
            Captures.Write(temporary.Capture, recording, hasRips: hasRips, options: options, filtered: false);
        var (before, index) = (Captures.Read(temporary.Capture), Index(temporary.Capture));
        var small = temporary.Capture + ".small";

        var manifest = CaptureCompaction.Make(temporary.Capture, small, "test", cancellation: TestContext.Current.CancellationToken);

        var after = Captures.Read(small);
        Assert.Equal(before.Accesses, after.Accesses);
        Assert.Equal(before.Events.Select(static row => row with { Data = null }), after.Events.Select(static row => row with { Data = null }));
        Assert.Equal(before.Events.Select(static row => row.Data), after.Events.Select(static row => row.Data));
        Assert.NotEmpty(index);
        Assert.Equal(index, Index(small));
        Assert.Equal("test", manifest.Origin[CaptureCompaction.OriginKey]);
        Assert.True(manifest.Parts.Sum(part => part.Bytes) < Manifest(temporary.Capture).Parts.Sum(part => part.Bytes));
        using var reader = CaptureReader.Open(small);
        reader.Verify();
    }

    [Fact]
    public void A_capture_that_is_compact_stays_byte_by_byte_the_same()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(100_000), hasRips: true, filtered: false);
        var (once, twice) = (temporary.Capture + ".1", temporary.Capture + ".2");
        CaptureCompaction.Make(temporary.Capture, once, "test", cancellation: TestContext.Current.CancellationToken);
        CaptureCompaction.Make(once, twice, "test", cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(Manifest(once).Parts, Manifest(twice).Parts);
    }

    [Fact]
    public void Damage_is_told_and_nothing_stays()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(10_000), filtered: false);
        var path = Path.Combine(temporary.Capture, "accesses-00000.parquet");
        var bytes = File.ReadAllBytes(path);
        bytes[100] ^= 1;
        File.WriteAllBytes(path, bytes);
        var small = temporary.Capture + ".small";
        Assert.Contains("damaged", Assert.Throws<CaptureFormatException>(() => CaptureCompaction.Make(temporary.Capture, small, "test", cancellation: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(small));
    }

    [Fact]
    public void Cancelled_nothing_stays()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(10_000), filtered: false);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var small = temporary.Capture + ".small";
        Assert.ThrowsAny<OperationCanceledException>(() => CaptureCompaction.Make(temporary.Capture, small, "test", cancellation: cancelled.Token));
        Assert.False(Directory.Exists(small));
    }

    [Fact]
    public void What_stands_there_is_not_overwritten_and_a_filtered_capture_is_refused()
    {
        using var temporary = new TemporaryDirectory();
        Captures.Write(temporary.Capture, Captures.Simple(1000), filtered: false);
        var other = temporary.Capture + ".other";
        Captures.Write(other, Captures.Simple(1000));
        Assert.Throws<CaptureExistsException>(() => CaptureCompaction.Make(temporary.Capture, other, "test", cancellation: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => CaptureCompaction.Make(temporary.Capture, temporary.Capture, "test", force: true, cancellation: TestContext.Current.CancellationToken));
        Assert.Throws<ArgumentException>(() => CaptureCompaction.Make(other, temporary.Capture + ".new", "test", cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(Captures.Simple(1000).Accesses.Count, Captures.Read(other).Accesses.Count);
    }

    private static CaptureManifest Manifest(string capture)
    {
        using var reader = CaptureReader.Open(capture);
        return reader.Manifest;
    }

    /// <summary>Ordinals of the touches, as a replay reads them.</summary>
    private static List<long> Index(string capture)
    {
        using var reader = CaptureReader.Open(capture, new CaptureReaderOptions { TouchesOnly = true });
        var (chunk, touches) = (new TraceChunk(), new List<long>());
        while (reader.TryRead(chunk))
            touches.AddRange(chunk.Ordinals.AsSpan(0, chunk.AccessCount));
        Assert.Empty(reader.IndexProblems);
        return touches;
    }
}
