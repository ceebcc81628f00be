using Replay.Replayer.Hardware;
using Replay.Trace;

namespace Replay.Replayer.Tests.Hardware;

public sealed class ReadModifyWriteTests
{
    private const ulong Place = 0x80_1000;
    private const ulong Rip = 0x10_0200;

    [Fact]
    public void A_read_and_the_write_of_the_same_instruction_are_one() => Assert.True(Begins(11, AccessKind.Write, Place, Rip));

    [Fact]
    public void Another_instruction_writes_for_itself() => Assert.False(Begins(11, AccessKind.Write, Place, Rip + 3));

    [Fact]
    public void Another_place_is_a_copy() => Assert.False(Begins(11, AccessKind.Write, Place + 8, Rip));

    [Fact]
    public void Two_reads_change_nothing() => Assert.False(Begins(11, AccessKind.Read, Place, Rip));

    [Fact]
    public void A_write_that_comes_later_is_another_execution() => Assert.False(Begins(12, AccessKind.Write, Place, Rip));

    [Fact]
    public void Nothing_can_be_told_without_instruction_addresses()
    {
        var chunk = Chunk(hasRips: false);
        chunk.Add(11, 0, AccessKind.Write, AccessFlags.None, Place, Place, 8, Rip);
        Assert.False(ReadModifyWrite.Begins(chunk, 0));
    }

    [Fact]
    public void What_a_chunk_held_before_it_was_cleared_does_not_count()
    {
        var chunk = Chunk(hasRips: true);
        chunk.Add(11, 0, AccessKind.Write, AccessFlags.None, Place, Place, 8, Rip);
        chunk.Clear();
        chunk.Add(10, 0, AccessKind.Read, AccessFlags.None, Place, Place, 8, Rip);
        Assert.False(ReadModifyWrite.Begins(chunk, 0));
    }

    [Fact]
    public void The_write_may_be_a_store_to_a_page_table()
    {
        var chunk = Chunk(hasRips: true);
        chunk.Events.Add(new TraceEvent { Ordinal = 4, Kind = TraceEventKind.Marker });
        chunk.Events.Add(new TraceEvent { Ordinal = 11, Kind = TraceEventKind.PageTableStore, Gva = Place, Rip = Rip });
        Assert.True(ReadModifyWrite.Begins(chunk, 0));
    }

    private static bool Begins(long ordinal, AccessKind kind, ulong gva, ulong rip)
    {
        var chunk = Chunk(hasRips: true);
        chunk.Add(ordinal, 0, kind, AccessFlags.None, gva, gva, 8, rip);
        return ReadModifyWrite.Begins(chunk, 0);
    }

    private static TraceChunk Chunk(bool hasRips)
    {
        var chunk = new TraceChunk { HasRips = hasRips };
        chunk.Add(10, 0, AccessKind.Read, AccessFlags.None, Place, Place, 8, Rip);
        return chunk;
    }
}
