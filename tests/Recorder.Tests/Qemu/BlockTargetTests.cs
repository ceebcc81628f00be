using Replay.Recorder.Qemu;
using Replay.Recorder.Tests.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>Blocks, whose pages and instructions are numbered on the way, against chunks, in which each access stands by itself.</summary>
public class BlockTargetTests
{
    private const int Vcpus = 3;

    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 300_000)]
    public void A_capture_of_blocks_reads_as_chunks_do(int seed, int accesses)
    {
        var words = Words(new Random(seed), accesses);
        var sink = new RowSink();
        var numbers = new WireNumbers(Vcpus);
        Feed(words, new RecordDecoder(new MemoryMap("ram"), numbers, new ChunkTarget(numbers, sink, rips: true), isWhole: true));

        var directory = Directory.CreateTempSubdirectory("replay-test-").FullName;
        try
        {
            var capture = Path.Combine(directory, "x.capture");
            var manifest = new CaptureManifest { Source = "qemu", Tool = "test", Vcpus = Vcpus, MemoryBytes = 1UL << 40, HasRips = true };
            using (var writer = CaptureWriter.Create(capture, manifest, new CaptureWriterOptions { Hasty = true }))
            {
                Assert.True(writer.TakesBlocks);
                numbers = new WireNumbers(Vcpus);
                Feed(words, new RecordDecoder(new MemoryMap("ram"), numbers, new BlockTarget(numbers, writer), isWhole: true));
                writer.Complete("guest-exit", accesses);
            }
            using var reader = CaptureReader.Open(capture);
            Assert.Equal(sink.Rows, Streams.Rows(reader));
            Assert.Equal(accesses, sink.Rows.Count(static row => row.Event is null));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void Words_spread_together_as_they_do_one_by_one()
    {
        var random = new Random(3);
        var words = Enumerable.Range(0, 96).Select(_ => Word(random)).ToArray();
        var together = new Columns(words.Length);
        var singly = new Columns(words.Length);

        Assert.Equal(words.Length, BlockTarget.SpreadGroups(words, together.Offsets, together.Kinds, together.Flags, together.Sizes));
        BlockTarget.SpreadSingly(words, singly.Offsets, singly.Kinds, singly.Flags, singly.Sizes);

        Assert.Equal(singly.Offsets, together.Offsets);
        Assert.Equal(singly.Kinds, together.Kinds);
        Assert.Equal(singly.Flags, together.Flags);
        Assert.Equal(singly.Sizes, together.Sizes);
    }

    /// <summary>Hands over words in pieces, as the ring does.</summary>
    private static void Feed(ulong[] words, RecordDecoder decoder)
    {
        var random = new Random(4);
        var published = 0;
        for (var used = 0; used < words.Length;)
        {
            published = Math.Min(words.Length, published + random.Next(20_000));
            var now = decoder.Decode(words.AsSpan(used..published));
            used += now;
            if (decoder.IsFull)
                decoder.Write();
        }
        decoder.Write();
    }

    /// <summary>Accesses to pages and from instructions that come again, under numbers that change, with all other records between.</summary>
    private static ulong[] Words(Random random, int accesses)
    {
        var words = new List<ulong>();
        var ordinal = 0UL;
        var vcpu = 0UL;
        for (var page = 0; page < 8; page++)
            words.AddRange([Head(0x85, 0, (ulong)page), 0xffff_ffff_8100_0000 + ((ulong)page << 12)]);
        for (var owner = 0UL; owner < Vcpus; owner++)
        {
            for (var place = 0UL; place < 8; place++)
                words.AddRange([Head(0x83, owner, place), 0xffff_8880_0000_0000 + (place << 12), (place + owner) << 12]);
        }
        for (var made = 0; made < accesses;)
        {
            switch (random.Next(400))
            {
                case 0:
                    words.Add(Head(0x87, vcpu = (ulong)random.Next(Vcpus), 0));
                    break;
                case 1:
                    words.AddRange([Head(0x83, (ulong)random.Next(Vcpus), (ulong)random.Next(8)), 0xffff_8880_0000_0000 + ((ulong)random.Next(600) << 12), (ulong)random.Next(4) << 12]);
                    break;
                case 2:
                    words.AddRange([Head(0x85, vcpu, (ulong)random.Next(8)), 0xffff_ffff_8200_0000 + ((ulong)random.Next(40) << 12)]);
                    break;
                case 3:
                    words.AddRange([Head(0x80 + (uint)random.Next(3), vcpu, ordinal++), 0xffff_8880_0000_0120, (4UL << 56) | (1UL << 52) | 0x5120, 0x40_0000]);
                    made++;
                    break;
                case 4:
                    words.AddRange([Head(0xc9, vcpu, ordinal++), 0, 0, 0x40_0000, ordinal << 12, 0, 0, 0, 0]);
                    break;
                case 5:
                    words.AddRange([Head(0x86, vcpu, 0), 0x7fff_0000_0fff]);
                    words.Add(Word(random));
                    ordinal++;
                    made++;
                    break;
                default:
                    words.Add(Word(random));
                    ordinal++;
                    made++;
                    break;
            }
        }
        return [.. words];
    }

    private static ulong Head(uint type, ulong vcpu, ulong number) => ((ulong)type << 56) | (vcpu << 48) | number;

    private static ulong Word(Random random) =>
        Bits(random, 1, random.Next(50) == 0 ? 65 : 17, 56) | Bits(random, 0, 8, 44) | Bits(random, 0, 64, 32)
        | Bits(random, 0, 3, 28) | Bits(random, 0, 8, 16) | Bits(random, 0, 3, 12) | Bits(random, 0, 4033, 0);

    private static ulong Bits(Random random, int min, int max, int shift) => (ulong)random.Next(min, max) << shift;

    private sealed record Columns(int Length)
    {
        public ushort[] Offsets { get; } = new ushort[Length];

        public byte[] Kinds { get; } = new byte[Length];

        public byte[] Flags { get; } = new byte[Length];

        public byte[] Sizes { get; } = new byte[Length];
    }
}
