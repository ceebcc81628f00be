using System.Diagnostics;
using System.Runtime.InteropServices;
using Replay.Recorder.Qemu;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public class WireTests
{
    private static readonly string Golden = TestFiles.Data("wire", "v1.bin");

    [Fact]
    public void The_C_side_writes_the_golden_bytes()
    {
        Needs.Compiler();
        var directory = Directory.CreateTempSubdirectory("replay-test-").FullName;
        try
        {
            var program = Path.Combine(directory, "golden");
            Run(Environment.GetEnvironmentVariable("CC") ?? "cc", "-Wall", "-Wextra", "-Werror", "-std=gnu11",
                "-I", Path.Combine(TestFiles.Root, "src", "Recorder", "native", "qemu"), "-o", program, TestFiles.Data("wire", "golden.c"));
            Run(program, Path.Combine(directory, "v1.bin"));

            Assert.Equal(File.ReadAllBytes(Golden), File.ReadAllBytes(Path.Combine(directory, "v1.bin")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void The_reader_takes_every_record_of_the_golden_bytes()
    {
        var decoder = new RecordDecoder(new MemoryMap("ram"), rips: true);
        var slots = MemoryMarshal.Cast<byte, WireSlot>(File.ReadAllBytes(Golden));

        Assert.Equal(slots.Length, decoder.Decode(slots));

        var chunk = decoder.Chunk;
        Assert.Equal(3, chunk.AccessCount);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(
                (i + 1L, (byte)i, (AccessKind)i, 0xffff_8000_0000_1000 + (ulong)i, 0xf_ffff_ffff_f000 + (ulong)i, (byte)(1 << i), (byte)(1 << i), 0x40_0000UL + (ulong)i),
                (chunk.Ordinals[i], chunk.Vcpus[i], (AccessKind)chunk.Kinds[i], chunk.Gvas[i], chunk.Gpas[i], chunk.Sizes[i], chunk.Flags[i], chunk.Rips[i]));
        }
        var events = chunk.Events;
        Assert.Equal(
            [
                TraceEventKind.PageTableStore, TraceEventKind.Mmio, TraceEventKind.ImplicitAccess, TraceEventKind.PageImage, TraceEventKind.PageImage,
                TraceEventKind.Cr0Write, TraceEventKind.Cr3Write, TraceEventKind.Cr4Write, TraceEventKind.EferWrite, TraceEventKind.PkruWrite,
                TraceEventKind.Invlpg, TraceEventKind.Invpcid, TraceEventKind.GuestPageFault, TraceEventKind.Delivery, TraceEventKind.Delivery,
                TraceEventKind.Lidt, TraceEventKind.Lgdt, TraceEventKind.Ltr, TraceEventKind.VcpuState, TraceEventKind.Memslot, TraceEventKind.Marker,
            ],
            events.Select(static row => row.Kind));
        Assert.Equal(Enumerable.Range(4, events.Count).Select(static i => (long)i), events.Select(static row => row.Ordinal));
    }

    [Fact]
    public void Events_fill_the_columns_of_their_kind_and_no_others()
    {
        var decoder = new RecordDecoder(new MemoryMap("ram"), rips: true);
        decoder.Decode(MemoryMarshal.Cast<byte, WireSlot>(File.ReadAllBytes(Golden)));
        var rows = decoder.Chunk.Events;

        const ulong gva = 0xffff_8000_0000_2000;
        const ulong gpa = 0x1234_5000;
        const ulong rip = 0x40_1000;
        Assert.Equal(new TraceEvent { Ordinal = 4, Kind = TraceEventKind.PageTableStore, Vcpu = 1, Access = AccessKind.Write, Flags = AccessFlags.User, Gva = gva, Gpa = gpa, Size = 8, Value = 0x8000_0000_0000_0067, Rip = rip }, rows[0]);
        Assert.Equal(new TraceEvent { Ordinal = 5, Kind = TraceEventKind.Mmio, Vcpu = 1, Access = AccessKind.Read, Flags = AccessFlags.Mmio, Gva = gva, Gpa = gpa, Size = 4, Rip = rip }, rows[1]);
        Assert.Equal(new TraceEvent { Ordinal = 6, Kind = TraceEventKind.ImplicitAccess, Vcpu = 1, Access = AccessKind.Write, Flags = AccessFlags.Implicit, Gva = gva, Size = 48 }, rows[2]);
        Assert.Equal(Enumerable.Range(0, 4096).Select(static i => (byte)(i * 7)), rows[3].Data!);
        Assert.Null(rows[4].Data);
        Assert.Equal(new TraceEvent { Ordinal = 10, Kind = TraceEventKind.Cr3Write, Vcpu = 1, Value = 0x8000_0000_0000_1000, Rip = rip }, rows[6]);
        Assert.Equal(new TraceEvent { Ordinal = 14, Kind = TraceEventKind.Invlpg, Vcpu = 1, Gva = gva, Rip = rip }, rows[10]);
        Assert.Equal(new TraceEvent { Ordinal = 15, Kind = TraceEventKind.Invpcid, Vcpu = 1, Value = 1, ErrorCode = 7, Gva = gva, Rip = rip }, rows[11]);
        Assert.Equal(new TraceEvent { Ordinal = 16, Kind = TraceEventKind.GuestPageFault, Vcpu = 1, Gva = gva, ErrorCode = 7, Rip = rip }, rows[12]);
        Assert.Equal(new TraceEvent { Ordinal = 17, Kind = TraceEventKind.Delivery, Vcpu = 1, Value = 13, ErrorCode = 0, Rip = rip }, rows[13]);
        Assert.Equal(new TraceEvent { Ordinal = 18, Kind = TraceEventKind.Delivery, Vcpu = 1, Value = 0x80, Rip = rip }, rows[14]);
        Assert.Equal(new TraceEvent { Ordinal = 19, Kind = TraceEventKind.Lidt, Vcpu = 1, Value = 0xffff_fe00_0000_0000, Size = 0xfff }, rows[15]);
        Assert.Equal(new VcpuState { Cr0 = 1, Cr2 = 2, Cr3 = 3, Cr4 = 4, Efer = 5, Rip = rip, Rflags = 6, Cpl = 3, Pkru = 0x5555_5554 }, EventDetail.ReadVcpuState(rows[18]));
        Assert.Equal(new MemslotChange { Slot = 2, Gpa = gpa, Size = 0x10_0000 }, EventDetail.ReadMemslotChange(rows[19]));
        Assert.Equal(new TraceEvent { Ordinal = 24, Kind = TraceEventKind.Marker, Vcpu = 1, Value = 0x42, Size = 2, Rip = rip }, rows[20]);
    }

    [Fact]
    public void A_record_that_is_not_all_there_is_left_for_later()
    {
        var slots = MemoryMarshal.Cast<byte, WireSlot>(File.ReadAllBytes(Golden));
        var whole = new RecordDecoder(new MemoryMap("ram"), rips: true);
        whole.Decode(slots);
        var pieces = new RecordDecoder(new MemoryMap("ram"), rips: true);

        var used = 0;
        for (var published = 0; published <= slots.Length; published++)
            used += pieces.Decode(slots[used..published]);

        Assert.Equal(slots.Length, used);
        Assert.Equal(whole.Chunk.Events.Select(static row => (row.Ordinal, row.Kind, row.Value)), pieces.Chunk.Events.Select(static row => (row.Ordinal, row.Kind, row.Value)));
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        var messages = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, messages);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Slots_spread_together_as_they_do_one_by_one(bool rips)
    {
        var random = new Random(1);
        foreach (var length in new[] { 0, 1, 7, 8, 9, 64, 1000 })
        {
            var words = new ulong[4 * length];
            random.NextBytes(MemoryMarshal.AsBytes(words.AsSpan()));
            for (var i = 0; i < length; i++)
                words[4 * i] &= 0x3fff_ffff_ffff_ffff;
            if (length > 60)
                words[4 * (length - 13)] |= 1UL << 62;
            var slots = MemoryMarshal.Cast<ulong, WireSlot>(words);
            var together = new TraceChunk();
            var singly = new TraceChunk();
            var count = SlotColumns.Spread(slots, together, 5, rips);
            Assert.Equal(length > 60 ? length - 13 : length, count);
            Assert.Equal(count, SlotColumns.SpreadSingly(slots, singly, 5, rips));
            var end = 5 + count;
            Assert.Equal(singly.Ordinals.Take(end), together.Ordinals.Take(end));
            Assert.Equal(singly.Gvas.Take(end), together.Gvas.Take(end));
            Assert.Equal(singly.Gpas.Take(end), together.Gpas.Take(end));
            Assert.Equal(singly.Rips.Take(end), together.Rips.Take(end));
            Assert.Equal(singly.Sizes.Take(end), together.Sizes.Take(end));
            Assert.Equal(singly.Kinds.Take(end), together.Kinds.Take(end));
            Assert.Equal(singly.Flags.Take(end), together.Flags.Take(end));
            Assert.Equal(singly.Vcpus.Take(end), together.Vcpus.Take(end));
        }
    }
}
