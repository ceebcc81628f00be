namespace Replay.Trace.Tests;

public class EventDetailTests
{
    [Fact]
    public void A_vcpu_state_reads_back_as_written()
    {
        var state = new VcpuState { Cr0 = 0x8005_0033, Cr3 = 0x1000, Cr4 = 0x3506f0, Efer = 0xd01, Rip = ulong.MaxValue, Cpl = 3, Pkru = 4 };
        var row = new TraceEvent { Ordinal = 1, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(state) };

        Assert.Equal(state, EventDetail.ReadVcpuState(row));
    }

    [Fact]
    public void A_memslot_change_is_written_with_camel_case_names_and_without_nulls()
    {
        var detail = EventDetail.Write(new MemslotChange { Slot = 2, Gpa = 4096, Size = 8192, LogDirty = true });

        Assert.Equal("""{"slot":2,"gpa":4096,"size":8192,"readOnly":false,"logDirty":true,"hvaOffset":0}""", detail);
    }

    [Fact]
    public void What_a_nested_guest_is_entered_and_left_with_reads_back_as_written()
    {
        var entry = new NestedEntry { NestedControl = 1, NestedCr3 = 0x30_0000, Asid = 2, TlbControl = 3, Cr0 = 0x8001_0033, Cr2 = 1, Cr3 = 0x40_0000, Cr4 = 0x20, Efer = 0x1500, Pat = 0x0007_0406_0007_0406, Rip = 4, Rflags = 2, Cpl = 3, InterceptCr = 5, InterceptExceptions = 1 << 14, Intercepts = 3UL << 32, EventInjection = 6 };
        var exit = new NestedExit { Info1 = 0x1_0000_0007, Info2 = 0x80_0000, InterruptInfo = 7, Cr0 = 0x8001_0033, Cr3 = 0x20_0000, Cr4 = 0x20, Efer = 0x1d01, Rflags = 2 };

        Assert.True(entry.NestedPaging);
        Assert.Equal(entry, EventDetail.ReadNestedEntry(new TraceEvent { Ordinal = 1, Kind = TraceEventKind.NestedEnter, Detail = EventDetail.Write(entry) }));
        Assert.Equal(exit, EventDetail.ReadNestedExit(new TraceEvent { Ordinal = 2, Kind = TraceEventKind.NestedExit, Detail = EventDetail.Write(exit) }));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("[1]")]
    public void A_detail_that_is_no_such_document_names_the_event(string? detail)
    {
        var row = new TraceEvent { Ordinal = 77, Kind = TraceEventKind.Memslot, Detail = detail };

        var error = Assert.Throws<CaptureFormatException>(() => EventDetail.ReadMemslotChange(row));

        Assert.Contains("77", error.Message, StringComparison.Ordinal);
    }
}
