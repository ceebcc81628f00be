using CsCheck;

namespace Replay.Trace.Tests;

/// <summary>Blocks of accesses that a source has numbered itself.</summary>
public sealed class AccessBlockTests
{
    [Fact]
    public void Blocks_read_as_what_they_stand_for() => Gen.Select(Generate.Recording, Gen.Bool, Gen.Int[1, 300], Gen.Int[20, 500]).Sample(
        static (recording, hasRips, blockRows, partRows) =>
        {
            using var temporary = new TemporaryDirectory();
            Captures.WriteBlocks(temporary.Capture, recording, hasRips, blockRows, new CaptureWriterOptions { PartAccesses = partRows, PartEvents = partRows, QueueBlocks = 1 });
            var expected = new Recording();
            expected.Accesses.AddRange(hasRips ? recording.Accesses : recording.Accesses.Select(static row => row with { Rip = 0 }));
            expected.Events.AddRange(recording.Events);
            expected.AssertEqual(Captures.Read(temporary.Capture));
        },
        iter: 100,
        threads: 1);

    [Fact]
    public void Long_blocks_read_as_what_they_stand_for()
    {
        using var temporary = new TemporaryDirectory();
        var recording = new Recording();
        for (var i = 0L; i < 150_000; i++)
        {
            // More pages than a byte tells apart in the first block, fewer in the second; gaps of all lengths in between.
            var page = i < 70_000 ? (ulong)i * 7 % 1000 : (ulong)i % 3;
            recording.Accesses.Add(new Row(i + (i / 5000 * 3) + (i > 100_000 ? i : 0), 0, (AccessKind)(i % 3), (AccessFlags)(i % 4), (page << 12) | (ulong)(i % 4000), (page << 12 << 3) | (ulong)(i % 4000), (byte)(1 + (i % 8)), (ulong)(i % 5000)));
        }
        Captures.WriteBlocks(temporary.Capture, recording);
        recording.AssertEqual(Captures.Read(temporary.Capture));
    }

    [Theory]
    [InlineData(0, 3, 8)]
    [InlineData(0, 0, 0)]
    [InlineData(0, 0, 65)]
    [InlineData(4090, 0, 8)]
    [InlineData(0xffff, 0, 2)]
    public void What_is_no_access_is_refused(int offset, byte kind, byte size)
    {
        using var temporary = new TemporaryDirectory();
        using var writer = CaptureWriter.Create(temporary.Capture, Captures.Manifest(filtered: false), new CaptureWriterOptions { Hasty = true });
        Assert.Throws<ArgumentException>(() => writer.Write(Block(writer, offset, kind, size, 0), []));
    }

    [Theory]
    [InlineData(5, 20, false)]
    [InlineData(9, 9, false)]
    [InlineData(9, 10, false)]
    [InlineData(9, 5, false)]
    [InlineData(9, 8, true)]
    [InlineData(9, 11, true)]
    public void What_is_no_order_is_refused(long first, long eventAt, bool isOrder)
    {
        using var temporary = new TemporaryDirectory();
        using var writer = CaptureWriter.Create(temporary.Capture, Captures.Manifest(filtered: false), new CaptureWriterOptions { Hasty = true });
        writer.Write(Block(writer, 0, 0, 8, 0), [Invlpg(5)]);
        var write = () => writer.Write(Block(writer, 0, 0, 8, first), [Invlpg(eventAt)]);
        if (isOrder)
            write();
        else
            Assert.Throws<ArgumentException>(write);
    }

    private static TraceEvent Invlpg(long ordinal) => new() { Ordinal = ordinal, Kind = TraceEventKind.Invlpg };

    /// <summary>Two accesses, of which the second is given.</summary>
    private static AccessBlock Block(CaptureWriter writer, int offset, byte kind, byte size, long first)
    {
        var block = writer.TakeBlock();
        block.PlaceOf(1, 2);
        block.AddRip(3);
        block.Sizes.AsSpan().Fill(4);
        (block.Offsets[1], block.Kinds[1], block.Sizes[1]) = ((ushort)offset, kind, size);
        block.Append(2, first);
        return block;
    }
}
