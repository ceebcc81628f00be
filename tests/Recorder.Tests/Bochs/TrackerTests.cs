using System.Text;
using Replay.Recorder.Bochs;
using Replay.Recorder.Tests.Qemu;
using Replay.Trace;

namespace Replay.Recorder.Tests.Bochs;

/// <summary>From lines of Bochs's debugger to rows of a capture.</summary>
public sealed class TrackerTests
{
    private readonly RowSink _sink = new();
    private readonly GuestRam _ram = new(4 << 20);
    private readonly TracedGuest _context = new() { Controls = new Controls(0x11, 0, 0, 0) };
    private readonly BochsFindings _findings = new();
    private readonly CaptureStream _stream;
    private readonly BochsTracker _tracker;

    public TrackerTests()
    {
        _stream = new CaptureStream(_sink);
        _tracker = new BochsTracker(_ram, _stream, _context, _findings, new BochsPorts(0xe0, 0xf4));
    }

    private IEnumerable<TraceEvent> Events => _sink.Rows.Where(row => row.Event is not null).Select(row => row.Event!.Value);

    [Fact]
    public void A_page_is_fetched_once_and_a_device_is_no_memory()
    {
        Take(
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): nop ; 90",
            "(0).[2] [0x000000001001] 0008:0000000000001001 (unk. ctxt): mov dword ptr ds:[eax], ecx ; 8908",
            "[CPU0 WR]: LIN 0x00000000000b8000 PHY 0x0000000b8000 (len=4, UC): 0x00000001");
        Assert.Single(_sink.Rows, row => row.Event is null);
        Assert.Equal((TraceEventKind.Mmio, 0xb8000UL, 0x1001UL), Events.Select(row => (row.Kind, row.Gpa!.Value, row.Rip!.Value)).Single());
    }

    [Fact]
    public void Without_paging_an_address_is_the_physical_one_whatever_the_segment_s_base()
    {
        Take(
            "(0).[1] [0x000000007c10] 07c0:0000000000000010 (unk. ctxt): mov dword ptr ds:[eax], ecx ; 8908",
            "[CPU0 WR]: LIN 0x0000000000002000 PHY 0x000000002000 (len=4, UC): 0x00000001",
            "(0).[2] [0x000000007ffe] 07c0:00000000000003fe (unk. ctxt): mov dword ptr ds:[eax], ecx ; 8908");
        Assert.Equal([0x7c10UL, 0x2000UL], _sink.Rows.Where(row => row.Event is null).Select(row => row.Gva).Take(2));
        Assert.All(_sink.Rows.Where(row => row.Event is null), row => Assert.Equal(row.Gpa, row.Gva));
    }

    [Fact]
    public void A_read_modify_write_is_a_read_and_a_write_of_one_place()
    {
        Take(
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): add dword ptr ds:[eax], ecx ; 0108",
            "[CPU0 RW]: LIN 0x0000000000002000 PHY 0x000000002000 (len=4, UC): 0x00000001",
            "[CPU0 WR]: PHY 0x000000002000 (len=4, UC): 0x00000003");
        Assert.Equal([AccessKind.Fetch, AccessKind.Read, AccessKind.Write], _sink.Rows.Select(row => row.Kind));
        Assert.Equal(3UL, _ram.Read(0x2000, 4));
    }

    [Fact]
    public void A_table_comes_with_its_content_before_the_first_walk_and_stores_to_it_are_told()
    {
        _ram.Store(0x3000, [0x67, 0x40, 0, 0, 0, 0, 0, 0]);
        Take(
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): nop ; 90",
            "[CPU0 RD]: PHY 0x000000003000 (len=8, UC): 0x00000000 0x00004067\t; PTE",
            "(0).[2] [0x000000001001] 0008:0000000000001001 (unk. ctxt): mov dword ptr ds:[eax], ecx ; 8908",
            "[CPU0 WR]: LIN 0x0000000000003000 PHY 0x000000003000 (len=4, UC): 0x00005067");
        Assert.Equal([TraceEventKind.PageImage, TraceEventKind.PageTableStore], Events.Select(row => row.Kind));
        Assert.Equal(0x67, Events.First().Data![0]);
        Assert.Equal((0x5067UL, StoreInstruction.OnTables), (Events.Last().Value, Events.Last().Flags!.Value.Instruction()));
        Assert.Equal(0, _findings.Corrections);
    }

    [Fact]
    public void A_table_that_a_device_wrote_is_told_anew_when_the_CPU_reads_it()
    {
        Take(
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): nop ; 90",
            "[CPU0 RD]: PHY 0x000000003000 (len=8, UC): 0x00000000 0x00000000\t; PTE",
            "[CPU0 RD]: PHY 0x000000003000 (len=8, UC): 0x00000000 0x00004067\t; PTE");
        Assert.Equal([TraceEventKind.PageImage, TraceEventKind.PageRelease, TraceEventKind.PageImage], Events.Select(row => row.Kind));
        Assert.Equal(1, _findings.Corrections);
    }

    [Fact]
    public void An_instruction_takes_effect_when_the_next_is_there_and_not_where_it_faulted()
    {
        Take(
            "rax: 00000000_00000400",
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): mov cr4, eax ; 0f22e0",
            "CPU 0: Exception 0x0d - (#GP) general protection fault occurred (error_code=0x0000)",
            "CPU 0: Interrupt 0x0d occurred (error_code=0x0000)",
            "[CPU0 RD]: LIN 0x0000000000000068 PHY 0x000000000068 (len=8, UC): 0x00008E00 0x00082000",
            "[CPU0 WR]: LIN 0x0000000000002ffc PHY 0x000000002ffc (len=4, UC): 0x00000046",
            "[CPU0 WR]: LIN 0x0000000000002ff8 PHY 0x000000002ff8 (len=4, UC): 0x00000008",
            "[CPU0 WR]: LIN 0x0000000000002ff4 PHY 0x000000002ff4 (len=4, UC): 0x00001000",
            "[CPU0 WR]: LIN 0x0000000000002ff0 PHY 0x000000002ff0 (len=4, UC): 0x00000000",
            "rax: 00000000_00000010",
            "(0).[2] [0x000000002000] 0008:0000000000002000 (unk. ctxt): mov cr4, eax ; 0f22e0",
            "(0).[3] [0x000000002003] 0008:0000000000002003 (unk. ctxt): nop ; 90");
        Assert.Equal(
            [(TraceEventKind.Delivery, 13UL), (TraceEventKind.Cr4Write, 0x10UL)],
            Events.Where(row => row.Kind != TraceEventKind.ImplicitAccess).Select(row => (row.Kind, row.Value!.Value)));
        Assert.Equal((0x1000UL, 0U), (Events.First().Rip!.Value, Events.First().ErrorCode!.Value));
        Assert.Equal(5, Events.Count(row => row.Kind == TraceEventKind.ImplicitAccess));
    }

    [Fact]
    public void The_address_of_a_page_fault_is_the_operand_that_the_tables_do_not_map()
    {
        _ram.Store(0x3000, [0x03, 0x40, 0, 0]); // everything below 4 MiB by the table at 4000, where only the first pages are
        for (byte page = 0; page < 8; page++)
            _ram.Store(0x4000 + (4UL * page), [0x03, (byte)(page << 4), 0, 0]);
        _context.Controls = new Controls(0x8000_0011, 0x3000, 0, 0);
        Take(
            "rcx: 00000000_00009008",
            "rdx: 00000000_00002000",
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): xchg dword ptr ds:[ecx], dword ptr ds:[edx] ; 8719",
            "CPU 0: Exception 0x0e - (#PF) page fault occurred (error_code=0x0002)",
            "CPU 0: Interrupt 0x0e occurred (error_code=0x0002)",
            "[CPU0 WR]: LIN 0x0000000000002ff4 PHY 0x000000002ff4 (len=4, UC): 0x00001000",
            "[CPU0 WR]: LIN 0x0000000000002ff0 PHY 0x000000002ff0 (len=4, UC): 0x00000002",
            "(0).[2] [0x000000002000] 0008:0000000000002000 (unk. ctxt): nop ; 90");
        var fault = Assert.Single(Events, row => row.Kind == TraceEventKind.GuestPageFault);
        Assert.Equal((0x9008UL, 2U, 0x1000UL), (fault.Gva!.Value, fault.ErrorCode!.Value, fault.Rip!.Value));
        Assert.Equal(0, _findings.UnknownFaultAddresses);
    }

    [Fact]
    public void An_OUT_to_the_marker_port_is_a_marker_and_one_to_the_other_ends_the_guest()
    {
        Take(
            "rax: 00000000_00000107",
            "(0).[1] [0x000000001000] 0008:0000000000001000 (unk. ctxt): out 0xe0, al ; e6e0");
        Assert.Null(_tracker.ExitCode);
        Take("(0).[2] [0x000000001002] 0008:0000000000001002 (unk. ctxt): out 0xf4, al ; e6f4");
        Assert.Equal(7, _tracker.ExitCode);
        Assert.Equal((TraceEventKind.Marker, 7UL, 2U), (Events.Single().Kind, Events.Single().Value!.Value, Events.Single().Size!.Value));
    }

    [Fact]
    public void HLT_ends_the_guest_where_it_takes_no_interrupts()
    {
        Take("eflags 0x00000246: id", "CPU 0: HALTED");
        Assert.False(_tracker.HasHalted);
        Take("eflags 0x00000046: id", "CPU 0: HALTED");
        Assert.True(_tracker.HasHalted);
    }

    private void Take(params string[] lines)
    {
        foreach (var line in lines)
            _tracker.Take(Encoding.ASCII.GetBytes(line));
        _stream.Write();
    }
}
