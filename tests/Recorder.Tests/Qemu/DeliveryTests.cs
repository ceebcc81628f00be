using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public class DeliveryTests
{
    [Theory]
    [MemberData(nameof(PayloadTests.EveryPayload), MemberType = typeof(PayloadTests))]
    public void Page_faults_and_deliveries_are_those_of_QEMUs_own_log(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);
        var log = payload.InDirectory("int.log");

        var recording = payload.Record(payload.Options(filter: 64, "-d", "int", "-D", log));

        var lines = InterruptLog.Read(log).ToList();
        var faults = recording.Events(TraceEventKind.GuestPageFault).Select(static row => (row.Gva!.Value, row.ErrorCode!.Value, row.Rip!.Value));
        Assert.Equal(lines.Where(static line => line.Vector == 14).Select(static line => (line.Cr2!.Value, line.ErrorCode, line.Rip)), faults);
        var deliveries = recording.Events(TraceEventKind.Delivery).Select(static row => (uint)row.Value!.Value);
        Assert.Equal(lines.Select(static line => line.Vector), deliveries);
    }

    [Fact]
    public void A_delivery_is_followed_by_what_the_CPU_touched_on_its_own()
    {
        Needs.Qemu();
        using var payload = new Payload("ptemod");

        var rows = payload.Record(payload.Options()).Rows;

        var fault = rows.FindIndex(static row => row.Event?.Kind == TraceEventKind.GuestPageFault);
        var delivery = rows[fault + 1].Event!.Value;
        Assert.Equal((TraceEventKind.Delivery, 14UL, 0U), (delivery.Kind, delivery.Value!.Value, delivery.ErrorCode!.Value));
        var idt = rows.Last(static row => row.Event?.Kind == TraceEventKind.Lidt).Event!.Value.Value!.Value;
        var gdt = rows.Last(static row => row.Event?.Kind == TraceEventKind.Lgdt).Event!.Value.Value!.Value;
        Implicit(rows[fault + 2].Event, AccessKind.Read, idt + (14 * 16), 16);
        Implicit(rows[fault + 3].Event, AccessKind.Read, gdt + 0x18, 8);
        // The frame lies on a 16-byte boundary: SS, RSP, RFLAGS, CS, RIP and the error code.
        Implicit(rows[fault + 4].Event, AccessKind.Write, 0x1effb0, 48);
        Assert.Equal(AccessKind.Fetch, rows[fault + 5].Kind);
    }

    private static void Implicit(TraceEvent? row, AccessKind access, ulong gva, uint size)
    {
        Assert.NotNull(row);
        var what = row.Value;
        Assert.Equal((TraceEventKind.ImplicitAccess, access, gva, size, AccessFlags.Implicit), (what.Kind, what.Access!.Value, what.Gva!.Value, what.Size!.Value, what.Flags!.Value));
    }
}
