using System.Diagnostics;
using System.Runtime.InteropServices;
using Replay.Recorder.Qemu;
using Replay.Recorder.Tests.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public class WireTests
{
    private static readonly string Golden = Repository.Data("wire", "v3.bin");

    [Fact]
    public void The_C_side_writes_the_golden_bytes()
    {
        Needs.Compiler();
        var directory = Directory.CreateTempSubdirectory("replay-test-").FullName;
        try
        {
            var program = Path.Combine(directory, "golden");
            Run(Environment.GetEnvironmentVariable("CC") ?? "cc", "-Wall", "-Wextra", "-Werror", "-std=gnu11",
                "-I", Repository.PathOf("src", "Recorder", "native", "qemu"), "-o", program, Repository.Data("wire", "golden.c"));
            Run(program, Path.Combine(directory, "v3.bin"));

            Assert.Equal(File.ReadAllBytes(Golden), File.ReadAllBytes(Path.Combine(directory, "v3.bin")));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [Fact]
    public void The_reader_takes_every_record_of_the_golden_bytes()
    {
        var rows = Decode(GoldenWords());

        var accesses = rows.Where(static row => row.Event is null).ToList();
        Assert.Equal(7, accesses.Count);
        for (var i = 0; i < 3; i++)
        {
            var place = 0xffff_8000_0000_1000 + (ulong)i;
            Assert.Equal(
                new Streams.Row(i + 1, (byte)i, (AccessKind)i, (AccessFlags)(1 << i), place, 0xf_ffff_ffff_f000 + (ulong)i, (byte)(1 << i), 0x40_0000 + (ulong)i, null),
                accesses[i]);
            var page = (ulong)i * 4096;
            Assert.Equal(
                new Streams.Row(i + 4, (byte)i, (AccessKind)i, (AccessFlags)(1 << i), 0xffff_8000_0000_2ff8 + page + (ulong)i, 0xf_ffff_ffff_fff8 - page + (ulong)i,
                    (byte)(i + 1), 0xffff_ffff_8100_0ffd + page + (ulong)i, null),
                accesses[i + 3]);
        }
        Assert.Equal(accesses[5] with { Ordinal = 7, Rip = 0xffff_ffff_8200_0001 }, accesses[6]);
        var events = rows.Where(static row => row.Event is not null).Select(static row => row.Event!.Value).ToList();
        Assert.Equal(
            [
                TraceEventKind.PageTableStore, TraceEventKind.Mmio, TraceEventKind.ImplicitAccess, TraceEventKind.PageImage, TraceEventKind.PageImage,
                TraceEventKind.Cr0Write, TraceEventKind.Cr3Write, TraceEventKind.Cr4Write, TraceEventKind.EferWrite, TraceEventKind.PkruWrite,
                TraceEventKind.Invlpg, TraceEventKind.Invpcid, TraceEventKind.GuestPageFault, TraceEventKind.Delivery, TraceEventKind.Delivery,
                TraceEventKind.Lidt, TraceEventKind.Lgdt, TraceEventKind.Ltr, TraceEventKind.VcpuState, TraceEventKind.Memslot, TraceEventKind.Marker,
                TraceEventKind.NestedEnter, TraceEventKind.NestedAccess, TraceEventKind.Invlpga, TraceEventKind.NestedExit,
                TraceEventKind.PageRelease, TraceEventKind.Lldt,
            ],
            events.Select(static row => row.Kind));
        Assert.Equal(Enumerable.Range(8, events.Count).Select(static i => (long)i), events.Select(static row => row.Ordinal));
    }

    [Fact]
    public void Events_fill_the_columns_of_their_kind_and_no_others()
    {
        var rows = Decode(GoldenWords()).Where(static row => row.Event is not null).Select(static row => row.Event!.Value).ToList();

        const ulong gva = 0xffff_8000_0000_2000;
        const ulong gpa = 0x1234_5000;
        const ulong rip = 0x40_1000;
        Assert.Equal(new TraceEvent { Ordinal = 8, Kind = TraceEventKind.PageTableStore, Vcpu = 1, Access = AccessKind.Write, Flags = AccessFlags.User, Gva = gva, Gpa = gpa, Size = 8, Value = 0x8000_0000_0000_0067, Rip = rip }, rows[0]);
        Assert.Equal(new TraceEvent { Ordinal = 9, Kind = TraceEventKind.Mmio, Vcpu = 1, Access = AccessKind.Read, Flags = AccessFlags.Mmio, Gva = gva, Gpa = gpa, Size = 4, Rip = rip }, rows[1]);
        Assert.Equal(new TraceEvent { Ordinal = 10, Kind = TraceEventKind.ImplicitAccess, Vcpu = 1, Access = AccessKind.Write, Flags = AccessFlags.Implicit, Gva = gva, Size = 48 }, rows[2]);
        Assert.Equal(Enumerable.Range(0, 4096).Select(static i => (byte)(i * 7)), rows[3].Data!);
        Assert.Null(rows[4].Data);
        Assert.Equal(new TraceEvent { Ordinal = 14, Kind = TraceEventKind.Cr3Write, Vcpu = 1, Value = 0x8000_0000_0000_1000, Rip = rip }, rows[6]);
        Assert.Equal(new TraceEvent { Ordinal = 18, Kind = TraceEventKind.Invlpg, Vcpu = 1, Gva = gva, Rip = rip }, rows[10]);
        Assert.Equal(new TraceEvent { Ordinal = 19, Kind = TraceEventKind.Invpcid, Vcpu = 1, Value = 1, ErrorCode = 7, Gva = gva, Rip = rip }, rows[11]);
        Assert.Equal(new TraceEvent { Ordinal = 20, Kind = TraceEventKind.GuestPageFault, Vcpu = 1, Gva = gva, ErrorCode = 7, Rip = rip }, rows[12]);
        Assert.Equal(new TraceEvent { Ordinal = 21, Kind = TraceEventKind.Delivery, Vcpu = 1, Value = 13, ErrorCode = 0, Rip = rip }, rows[13]);
        Assert.Equal(new TraceEvent { Ordinal = 22, Kind = TraceEventKind.Delivery, Vcpu = 1, Value = 0x80, Rip = rip }, rows[14]);
        Assert.Equal(new TraceEvent { Ordinal = 23, Kind = TraceEventKind.Lidt, Vcpu = 1, Value = 0xffff_fe00_0000_0000, Size = 0xfff }, rows[15]);
        Assert.Equal(new VcpuState { Cr0 = 1, Cr2 = 2, Cr3 = 3, Cr4 = 4, Efer = 5, Rip = rip, Rflags = 6, Cpl = 3, Pkru = 0x5555_5554 }, EventDetail.ReadVcpuState(rows[18]));
        Assert.Equal(new MemslotChange { Slot = 2, Gpa = gpa, Size = 0x10_0000 }, EventDetail.ReadMemslotChange(rows[19]));
        Assert.Equal(new TraceEvent { Ordinal = 28, Kind = TraceEventKind.Marker, Vcpu = 1, Value = 0x42, Size = 2, Rip = rip }, rows[20]);
        Assert.Equal((0x3e_0000UL, rip), (rows[21].Gpa!.Value, rows[21].Rip!.Value));
        Assert.Equal(
            new NestedEntry { NestedControl = 1, NestedCr3 = 0x30_0000, Cr0 = 2, Cr2 = 3, Cr3 = 4, Cr4 = 5, Efer = 6, Pat = 7, Rip = 8, Rflags = 9, Intercepts = 10, EventInjection = 11, Asid = 12, TlbControl = 13, Cpl = 3, InterceptCr = 14, InterceptExceptions = 15 },
            EventDetail.ReadNestedEntry(rows[21]));
        Assert.Equal(new TraceEvent { Ordinal = 30, Kind = TraceEventKind.NestedAccess, Vcpu = 1, Access = AccessKind.Fetch, Flags = AccessFlags.User, Gva = gva, Gpa = gpa, L2Gpa = 0x5432_1000, Size = 4, Rip = rip }, rows[22]);
        Assert.Equal(new TraceEvent { Ordinal = 31, Kind = TraceEventKind.Invlpga, Vcpu = 1, Value = 12, Gva = gva, Rip = rip }, rows[23]);
        Assert.Equal((0x400UL, 0x40_1003UL), (rows[24].Value!.Value, rows[24].Rip!.Value));
        Assert.Equal(new NestedExit { Info1 = 1, Info2 = 2, InterruptInfo = 3, Cr0 = 4, Cr3 = 5, Cr4 = 6, Efer = 7, Rflags = 8 }, EventDetail.ReadNestedExit(rows[24]));
        Assert.Equal(new TraceEvent { Ordinal = 33, Kind = TraceEventKind.PageRelease, Vcpu = 1, Gpa = gpa }, rows[25]);
        Assert.Equal(new TraceEvent { Ordinal = 34, Kind = TraceEventKind.Lldt, Vcpu = 1, Value = 0xfe00_1000, Size = 0x17 }, rows[26]);
    }

    [Fact]
    public void A_record_that_is_not_all_there_is_left_for_later()
    {
        var words = GoldenWords();
        var sink = new RowSink();
        var pieces = Decoder(sink);

        var used = 0;
        for (var published = 0; published <= words.Length; published++)
            used += pieces.Decode(words.AsSpan(used..published));
        pieces.Write();

        Assert.Equal(words.Length, used);
        Assert.Equal(Decode(words).Select(Comparable), sink.Rows.Select(Comparable));

        static (Streams.Row, TraceEventKind?, ulong?) Comparable(Streams.Row row) => (row with { Event = null }, row.Event?.Kind, row.Event?.Value);
    }

    [Fact]
    public void An_ordinal_that_is_missing_is_noticed_where_all_are_recorded()
    {
        var decoder = Decoder(new RowSink(), isWhole: true);
        ulong[] first = [0x80UL << 56, 0x1000, (1UL << 56) | 0x1000, 0x1000];
        ulong[] third = [(0x80UL << 56) | 2, 0x1000, (1UL << 56) | 0x1000, 0x1000];

        Assert.Equal(4, decoder.Decode(first));
        Assert.Contains("ordinal 2 where 1 was due", Assert.Throws<RecorderException>(() => decoder.Decode(third)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x80UL << 56 | 3UL << 48, "vCPU 3")]
    [InlineData(0x87UL << 56 | 200UL << 48, "vCPU 200")]
    [InlineData(0x83UL << 56 | 1UL << 48 | 1024, "place 1024")]
    [InlineData(0x85UL << 56 | 4096, "code page 4096")]
    [InlineData(0xffUL << 56, "type 0xff")]
    [InlineData(0x88UL << 56, "type 0x88")]
    [InlineData(0xbfUL << 56, "type 0xbf")]
    [InlineData(0xc2UL << 56, "kind 9")]
    public void A_record_that_no_plugin_sends_is_refused_in_one_line(ulong head, string what)
    {
        var record = new ulong[WireFormat.WordsOf((byte)(head >> 56))];
        record[0] = head;
        if (what == "kind 9")
            record[6] = 9UL << 32;
        var refusal = Assert.Throws<RecorderException>(() => Decoder(new RowSink()).Decode(record));
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    private static ulong[] GoldenWords() => MemoryMarshal.Cast<byte, ulong>(File.ReadAllBytes(Golden)).ToArray();

    private static RecordDecoder Decoder(RowSink sink, bool isWhole = false)
    {
        var numbers = new WireNumbers(vcpus: 3);
        return new RecordDecoder(new MemoryMap("ram"), numbers, new ChunkTarget(numbers, sink, rips: true), isWhole);
    }

    private static List<Streams.Row> Decode(ulong[] words)
    {
        var sink = new RowSink();
        var decoder = Decoder(sink);
        Assert.Equal(words.Length, decoder.Decode(words));
        decoder.Write();
        return sink.Rows;
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardError = true })!;
        var messages = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, messages);
    }
}
