using CsCheck;
using Replay.Trace.Columns;
using Replay.Trace.Storage;

namespace Replay.Trace.Tests;

public sealed class CaptureRoundTripTests
{
    [Fact]
    public void What_was_written_is_what_is_read() => Gen.Select(Generate.Recording, Gen.Bool, Gen.Int[1, 300], Gen.Int[20, 500], Gen.Bool).Sample(
        static (recording, hasRips, chunkRows, partRows, ahead) =>
        {
            using var temporary = new TemporaryDirectory();
            var options = new CaptureWriterOptions { PartAccesses = partRows, PartEvents = partRows, QueueBlocks = 1, Hasty = partRows % 2 == 0 };
            var manifest = Captures.Write(temporary.Capture, recording, hasRips, chunkRows, options, filtered: !options.Hasty);
            Assert.True(manifest.Complete);
            Assert.Equal(recording.Accesses.Count, manifest.Parts.Sum(part => part.Accesses));
            Assert.Equal(recording.Events.Count, manifest.Parts.Sum(part => part.Events));
            var read = Captures.Read(temporary.Capture, new CaptureReaderOptions { DecodeAhead = ahead });
            Expected(recording, hasRips).AssertEqual(read);
        },
        iter: 100,
        threads: 1);

    [Fact]
    public void Reading_from_an_ordinal_gives_what_stands_at_and_after_it() => Gen.Select(Generate.Recording, Gen.Int[40, 150], Gen.Int[0, 400].Array[1, 3], Gen.Bool).Sample(
        static (recording, partRows, targets, ahead) =>
        {
            using var temporary = new TemporaryDirectory();
            Captures.Write(temporary.Capture, recording, chunkRows: 20, options: new CaptureWriterOptions { PartAccesses = partRows, PartEvents = partRows });
            using var reader = CaptureReader.Open(temporary.Capture, new CaptureReaderOptions { DecodeAhead = ahead });
            var all = recording.Accesses.Select(row => row.Ordinal).Concat(recording.Events.Select(row => row.Ordinal)).Order().ToList();
            foreach (var target in targets)
            {
                var ordinal = target < all.Count ? all[target] + (target % 2) : target;
                reader.Seek(ordinal);
                Expected(recording, hasRips: false).From(ordinal).AssertEqual(Recording.Read(reader));
            }
        },
        iter: 60,
        threads: 1);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Chunks_are_full_and_no_larger_whatever_size_they_were_written_in(bool filtered)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(300_000);
        Captures.Write(temporary.Capture, recording, chunkRows: 1000, options: new CaptureWriterOptions { PartAccesses = 2 * TraceChunk.Capacity }, filtered: filtered);
        recording.AssertEqual(Captures.Read(temporary.Capture));
        using var reader = CaptureReader.Open(temporary.Capture);
        var chunk = new TraceChunk();
        Assert.True(reader.TryRead(chunk));
        Assert.Equal(TraceChunk.Capacity, chunk.AccessCount);
        Assert.Equal(3, reader.Manifest.Parts.Count);
    }

    /// <summary>Those of a filtered capture are four times as long, and read in pieces; no chunk's worth of events may tear them.</summary>
    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 6)]
    public void Row_groups_of_a_filtered_capture_are_longer(bool filtered, int groups)
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(350_000);
        for (var ordinal = 350_000; ordinal < 370_000; ordinal++)
            recording.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Invlpg, Gva = (ulong)ordinal << 12 });
        recording.Accesses.Add(new Row(370_000, 0, AccessKind.Read, AccessFlags.None, 0, 0, 1, 0));
        Captures.Write(temporary.Capture, recording, chunkRows: 40_000, filtered: filtered);

        Assert.Equal(groups, RowGroups(temporary.Capture));
        recording.AssertEqual(Captures.Read(temporary.Capture));
        foreach (var ordinal in new[] { 1, 65_536, 100_007, 262_143, 264_900, 349_999, 360_000 })
        {
            using var reader = CaptureReader.Open(temporary.Capture);
            reader.Seek(ordinal);
            recording.From(ordinal).AssertEqual(Recording.Read(reader));
        }
    }

    [Fact]
    public void Accesses_to_more_pages_than_a_dictionary_holds_take_several_row_groups()
    {
        using var temporary = new TemporaryDirectory();
        var recording = new Recording();
        for (var i = 0; i < 150_000; i++)
            recording.Accesses.Add(new Row(i, 0, AccessKind.Write, AccessFlags.None, (ulong)i << 12, (ulong)i << 13, 8, 0));
        Captures.Write(temporary.Capture, recording, chunkRows: 10_000);

        Assert.Equal(3, RowGroups(temporary.Capture));
        recording.AssertEqual(Captures.Read(temporary.Capture));
    }

    [Fact]
    public void Many_events_between_two_accesses_come_in_several_chunks()
    {
        using var temporary = new TemporaryDirectory();
        var recording = new Recording();
        recording.Accesses.Add(new Row(0, 0, AccessKind.Read, AccessFlags.None, 0, 0, 1, 0));
        for (var ordinal = 1; ordinal < 50_000; ordinal++)
            recording.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Invlpg, Gva = (ulong)ordinal << 12 });
        recording.Accesses.Add(new Row(50_000, 0, AccessKind.Read, AccessFlags.None, 0, 0, 1, 0));
        Captures.Write(temporary.Capture, recording, chunkRows: 100_000);
        recording.AssertEqual(Captures.Read(temporary.Capture));
    }

    [Fact]
    public void An_empty_recording_is_a_capture_too()
    {
        using var temporary = new TemporaryDirectory();
        var manifest = Captures.Write(temporary.Capture, new Recording());
        Assert.Single(manifest.Parts);
        new Recording().AssertEqual(Captures.Read(temporary.Capture));
    }

    private static Recording Expected(Recording recording, bool hasRips)
    {
        if (hasRips)
            return recording;
        var expected = new Recording();
        expected.Accesses.AddRange(recording.Accesses.Select(row => row with { Rip = 0 }));
        expected.Events.AddRange(recording.Events);
        return expected;
    }

    private static int RowGroups(string capture)
    {
        var file = File.ReadAllBytes(Path.Combine(capture, "accesses-00000.parquet"));
        return FooterReader.Read(ParquetFile.Footer(file), AccessColumn.All(hasRips: false)).Length;
    }
}
