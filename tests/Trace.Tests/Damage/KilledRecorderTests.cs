using System.Diagnostics;

namespace Replay.Trace.Tests;

public sealed class KilledRecorderTests
{
    [Fact]
    public void A_killed_recorder_loses_at_most_the_part_in_flight()
    {
        var random = new Random(11);
        for (var round = 0; round < 4; round++)
        {
            using var temporary = new TemporaryDirectory();
            using var recorder = DoomedRecorder.Start(temporary.Capture);
            var lines = ReadParts(recorder, 2 + round);
            Thread.Sleep(random.Next(30));
            recorder.Kill();
            recorder.WaitForExit();

            using var reader = CaptureReader.Open(temporary.Capture);
            Assert.False(reader.Manifest.Complete);
            Assert.True(reader.Manifest.Parts.Count >= lines, "a part that ClosePart had returned from is gone");
            var read = Recording.Read(reader);
            Assert.Equal(reader.Manifest.Parts.Count * DoomedRecorder.PartRows, read.Accesses.Count + read.Events.Count);
            Captures.Simple(read.Accesses.Count + read.Events.Count).AssertEqual(read);
        }
    }

    [Fact]
    public void Every_state_that_a_killed_recorder_can_leave_reads_up_to_its_last_durable_part()
    {
        using var temporary = new TemporaryDirectory();
        using (var writer = CaptureWriter.Create(temporary.Capture, Captures.Manifest()))
        {
            Captures.Simple(1000).WriteTo(writer, hasRips: false, chunkRows: 100);
            writer.ClosePart();
        }
        foreach (var file in new[] { "accesses-00001.parquet.partial", "events-00001.parquet.partial", "accesses-00001.parquet", "events-00001.parquet", "manifest.json.partial" })
        {
            File.WriteAllText(Path.Combine(temporary.Capture, file), "PAR1 cut off in the middle");
            Captures.Simple(1000).AssertEqual(Captures.Read(temporary.Capture));
        }
    }

    [Fact]
    public void A_writer_let_go_without_completing_keeps_what_it_took_and_stays_incomplete()
    {
        using var temporary = new TemporaryDirectory();
        using (var writer = CaptureWriter.Create(temporary.Capture, Captures.Manifest()))
            Captures.Simple(1000).WriteTo(writer, hasRips: false, chunkRows: 100);
        using var reader = CaptureReader.Open(temporary.Capture);
        Assert.False(reader.Manifest.Complete);
        Assert.Null(reader.Manifest.EndReason);
        Captures.Simple(1000).AssertEqual(Recording.Read(reader));
    }

    [Fact]
    public void A_capture_can_be_read_while_it_is_recorded()
    {
        using var temporary = new TemporaryDirectory();
        using var writer = CaptureWriter.Create(temporary.Capture, Captures.Manifest());
        Captures.Simple(1000).WriteTo(writer, hasRips: false, chunkRows: 100);
        new Recording().AssertEqual(Captures.Read(temporary.Capture));
        writer.ClosePart();
        Captures.Simple(1000).AssertEqual(Captures.Read(temporary.Capture));
    }

    private static int ReadParts(Process recorder, int parts)
    {
        for (var line = 0; line < parts; line++)
            Assert.Equal("part", recorder.StandardOutput.ReadLine());
        return parts;
    }
}
