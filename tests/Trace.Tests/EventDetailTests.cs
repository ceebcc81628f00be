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
