using CsCheck;

namespace Replay.Trace.Tests;

public sealed class CaptureRoundTripTests
{
    [Fact]
    public void What_was_written_is_what_is_read() => Gen.Select(Generate.Recording, Gen.Bool, Gen.Int[1, 300], Gen.Int[20, 500], Gen.Bool).Sample(
        static (recording, hasRips, chunkRows, partRows, ahead) =>
        {
            using var temporary = new TemporaryDirectory();
            var options = new CaptureWriterOptions { PartAccesses = partRows, PartEvents = partRows, QueueBlocks = 1 };
            var manifest = Captures.Write(temporary.Capture, recording, hasRips, chunkRows, options);
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

    [Fact]
    public void Chunks_are_full_row_groups_and_no_larger_whatever_size_they_were_written_in()
    {
        using var temporary = new TemporaryDirectory();
        var recording = Captures.Simple(300_000);
        Captures.Write(temporary.Capture, recording, chunkRows: 1000, options: new CaptureWriterOptions { PartAccesses = 2 * TraceChunk.Capacity });
        recording.AssertEqual(Captures.Read(temporary.Capture));
        using var reader = CaptureReader.Open(temporary.Capture);
        var chunk = new TraceChunk();
        Assert.True(reader.TryRead(chunk));
        Assert.Equal(TraceChunk.Capacity, chunk.AccessCount);
        Assert.Equal(3, reader.Manifest.Parts.Count);
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
}
