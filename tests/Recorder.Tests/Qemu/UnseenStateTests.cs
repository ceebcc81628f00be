using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>State that changes without an instruction that says so, or to something else than it says.</summary>
public class UnseenStateTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(64)]
    public void PKRU_follows_XRSTOR(int? filter)
    {
        Needs.Qemu();
        using var payload = new Payload("pkru");

        var recording = payload.Record(payload.Options(filter));

        var round = Enumerable.Range(0, 20).SelectMany(static i => (uint[])[8, 0, 8, 0, .. i % 5 == 4 ? (uint[])[4, 0, 4, 0] : []]);
        Assert.Equal(Changes(round), Changes(recording.Events(TraceEventKind.PkruWrite).Select(static row => (uint)row.Value!.Value)));
        Assert.Equal(24, recording.Events(TraceEventKind.GuestPageFault).Count());
        Assert.Empty(recording.Check().Contradictions);
    }

    [Fact]
    public void Events_carry_what_a_register_became()
    {
        Needs.Qemu();
        using var payload = new Payload("cr4res");

        var recording = payload.Record(payload.Options());

        // The guest clears CR0.ET, which this CPU has set for good.
        var values = recording.Events(TraceEventKind.Cr0Write).Select(static row => row.Value!.Value).ToList();
        Assert.Equal(9, values.Count);
        Assert.All(values, static value => Assert.Equal(0x10UL, value & 0x10));
    }

    [Fact]
    public void A_write_to_CR4_that_faults_is_no_event_and_what_else_it_leads_to_is_told()
    {
        Needs.Qemu();
        using var payload = new Payload("cr4gp");

        var recording = payload.Record(payload.Options());

        // LA57 is never turned: four times #GP. Bit 40 makes QEMU load another state.
        Assert.All(recording.Events(TraceEventKind.Cr4Write), static row => Assert.Equal(0UL, row.Value!.Value & ~0xb0UL));
        Assert.Equal(4, recording.Events(TraceEventKind.Delivery).Count(static row => row.Value == 13));
        var states = recording.Events(TraceEventKind.VcpuState).Select(static row => EventDetail.ReadVcpuState(row)).ToList();
        Assert.Equal(2, states.Count);
        Assert.True(states[1] is { Cr3: 0x160_0000, Cr4: 0xb0, Cr0: 0x8001_0033 }, $"{states[1]}");
        Assert.Empty(recording.Check().Contradictions);
        Assert.Equal(payload.ExpectedConsole, payload.Console);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(64)]
    public void System_management_mode_is_counted_and_its_state_and_accesses_are_no_part_of_the_stream(int? filter)
    {
        Needs.Qemu();
        using var payload = new Payload("smm");

        var recording = payload.Record(payload.Options(filter));

        // The start, and each of eight ways back, with paging on as before.
        var states = recording.Events(TraceEventKind.VcpuState).Select(static row => EventDetail.ReadVcpuState(row)).Skip(1).ToList();
        Assert.Equal(8, states.Count);
        Assert.All(states, static state => Assert.True(state is { Cr0: 0x8001_0033, Cr3: 0x20_0000, Efer: 0xd00 }, $"{state}"));
        Assert.DoesNotContain(recording.Events(TraceEventKind.Cr3Write), static row => row.Value != 0x20_0000);
        // A table that it stores to, a boot table of the others, is told anew.
        Assert.Equal(1 + 8, recording.Events(TraceEventKind.PageImage).Count(static row => row.Gpa == 0x20_f000));
        Assert.Contains(recording.Summary.Blind, static line => line.StartsWith("1160 loads and stores in system management mode", StringComparison.Ordinal));
        Assert.Empty(recording.Check().Contradictions);
        Assert.Equal(payload.ExpectedConsole, payload.Console);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(1024)]
    public void A_vCPU_that_INIT_or_a_reset_takes_back_says_so(int? filter)
    {
        Needs.Qemu();
        using var payload = new Payload("init");

        var recording = payload.Record(payload.Options(filter));

        var states = recording.Events(TraceEventKind.VcpuState).Select(static row => (row.Vcpu, State: EventDetail.ReadVcpuState(row))).ToList();
        // Twice: an INIT behind each of the four starts with paging on, beside the first appearance.
        Assert.InRange(states.Count(static entry => entry is { Vcpu: 1, State: { Cr0: 0x6000_0010, Rip: 0x8000 } }), 8, 18);
        // The triple fault resets the first vCPU.
        Assert.Contains(states, static entry => entry is { Vcpu: 0, State: { Cr0: 0x6000_0010, Cr3: 0, Cr4: 0, Efer: 0, Rip: 0xffff_fff0 } });
        Assert.Empty(recording.Check().Contradictions);
        Assert.Equal(payload.ExpectedConsole, payload.Console);
    }

    [Fact]
    public void A_task_switch_of_the_hardware_tells_its_CR3_its_LDT_and_what_it_touched()
    {
        Needs.Qemu();
        using var payload = new Payload("task32");

        var recording = payload.Record(payload.Options());

        // One load by MOV, and a way there and back for each of seven #PFs and seven far calls.
        Assert.Equal(1 + (4 * 7), recording.Events(TraceEventKind.Cr3Write).Count());
        Assert.Equal(2 + (4 * 7), recording.Events(TraceEventKind.Ltr).Count());
        Assert.Equal(1 + (4 * 7), recording.Events(TraceEventKind.Lldt).Count());
        Assert.Equal(7 + 5, recording.Events(TraceEventKind.GuestPageFault).Count());
        var first = recording.Rows.FindIndex(static row => row.Event?.Kind == TraceEventKind.GuestPageFault);
        var touched = recording.Rows.Skip(first + 1).TakeWhile(static row => row.Event is not null).Select(static row => row.Event!.Value.Kind).Distinct();
        Assert.Equal([TraceEventKind.Delivery, TraceEventKind.ImplicitAccess], touched.Take(2));
        Assert.Contains(TraceEventKind.Cr3Write, touched);
        Assert.Empty(recording.Check().Contradictions);
        Assert.DoesNotContain(recording.Summary.Blind, static line => line.Contains("task switch", StringComparison.Ordinal));
    }

    [Fact]
    public void A_page_that_is_no_table_any_more_is_followed_no_more()
    {
        Needs.Qemu();
        using var payload = new Payload("release");

        var full = payload.Record(payload.Options());
        var filtered = payload.Record(payload.Options(filter: 64));

        Assert.Empty(full.Check().Contradictions);
        Assert.True(full.Events(TraceEventKind.PageRelease).Count() > 30);
        Assert.Equal(full.Events(TraceEventKind.PageRelease), filtered.Events(TraceEventKind.PageRelease));
        // 1,536 stores make data of a table, of which the first 64 are told; 512 or so fill it again.
        var stores = full.Events(TraceEventKind.PageTableStore).Count();
        Assert.InRange(stores, 60 * 512 / 4, 60 * 800);
    }

    [Fact]
    public void Tables_in_memory_that_was_plugged_in_are_recorded()
    {
        Needs.Qemu();
        using var payload = new Payload("dimm");

        var recording = payload.Record(payload.Options(filter: 64));

        Assert.Contains(recording.Events(TraceEventKind.PageImage), static row => row.Gpa >= 1UL << 32);
        Assert.True(recording.Events(TraceEventKind.PageTableStore).Count(static row => row.Gpa >= 1UL << 32) > 100);
        Assert.Empty(recording.Check().Contradictions);
        Assert.DoesNotContain(recording.Summary.Blind, static line => line.Contains("outside guest RAM", StringComparison.Ordinal));
    }

    private static IEnumerable<uint> Changes(IEnumerable<uint> values)
    {
        uint? last = null;
        foreach (var value in values)
        {
            if (value != last)
                yield return value;
            last = value;
        }
    }
}
