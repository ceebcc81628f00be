using Replay.Recorder.Qemu;
using Replay.Recorder.Tests.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

public class PayloadTests
{
    public static TheoryData<string> EveryPayload() => [.. Payload.Names];

    [Theory]
    [MemberData(nameof(EveryPayload))]
    public void A_recorded_guest_computes_what_it_computes_unrecorded(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);

        var recording = payload.Record(payload.Options());

        Assert.Equal(payload.ExpectedConsole, payload.Console);
        Assert.Equal(QemuEndReason.GuestExit, recording.Summary.EndReason);
        Assert.True(recording.Summary.Complete);
    }

    [Theory]
    [MemberData(nameof(EveryPayload))]
    public void Every_address_follows_from_the_page_images_stores_and_registers_before_it(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);

        var guest = payload.Record(payload.Options()).Check();

        Assert.Empty(guest.Contradictions);
        Assert.True(guest.Walks > 1000);
    }

    [Theory]
    [MemberData(nameof(EveryPayload))]
    public void A_filtered_recording_is_a_part_of_the_full_one_with_the_same_ordinals(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);

        var full = payload.Record(payload.Options() with { Rips = true });
        var filtered = payload.Record(payload.Options(filter: 64));

        var rows = full.Rows.ToDictionary(static row => row.Ordinal);
        Assert.All(filtered.Rows, row => AssertSame(rows[row.Ordinal], row));
        Assert.Equal(full.Rows.Count(static row => row.Event is not null), filtered.Rows.Count(static row => row.Event is not null));
        Assert.Equal(full.Summary.AccessesSeen, filtered.Summary.AccessesSeen);
        Assert.True(filtered.Summary.AccessesRecorded < full.Summary.AccessesRecorded);
    }

    [Fact]
    public void Ordinals_of_a_full_recording_have_no_gaps()
    {
        Needs.Qemu();
        using var payload = new Payload("ptemod");

        var recording = payload.Record(payload.Options());

        Assert.Equal(Enumerable.Range(0, recording.Rows.Count).Select(static i => (long)i), recording.Rows.Select(static row => row.Ordinal));
        var accesses = recording.Rows.Count(static row => row.Event is null or { Kind: TraceEventKind.PageTableStore or TraceEventKind.Mmio or TraceEventKind.ImplicitAccess });
        Assert.Equal(accesses, recording.Summary.AccessesSeen);
    }

    [Fact]
    public void A_run_repeats_itself()
    {
        Needs.Qemu();
        using var first = new Payload("stress");
        using var second = new Payload("stress");

        // Data arrays have no value equality; page images are compared by their content elsewhere.
        var once = first.Record(first.Options(filter: 1024)).Rows.Select(Plain);
        var again = second.Record(second.Options(filter: 1024)).Rows.Select(Plain);

        Assert.Equal(once, again);

        static Streams.Row Plain(Streams.Row row) => row with { Event = row.Event is { } what ? what with { Data = null } : null };
    }

    [Fact]
    public void Checkpoints_become_markers()
    {
        Needs.Qemu();
        using var payload = new Payload("lm4k");

        var recording = payload.Record(payload.Options());

        Assert.Equal([1, 2, 3, 4, 5], recording.Events(TraceEventKind.Marker).Select(static row => row.Value!.Value));
    }

    [Fact]
    public void A_filter_forgets_at_a_marker()
    {
        Needs.Qemu();
        using var payload = new Payload("lm4k");

        var recording = payload.Record(payload.Options() with { FilterSlots = 64 });

        var markers = recording.Rows.Select((row, i) => (row, i)).Where(static entry => entry.row.Event?.Kind == TraceEventKind.Marker).Select(static entry => entry.i).ToList();
        Assert.Equal(5, markers.Count);
        // The code goes on in a page it has long been in: a filter that remembered it would drop the fetch.
        Assert.All(markers.SkipLast(1), marker => Assert.Equal(AccessKind.Fetch, recording.Rows.Skip(marker + 1).First(static row => row.Event is null).Kind));
    }

    [Theory]
    [InlineData(1024)]
    [InlineData(null)]
    public void A_guest_of_two_vCPUs_is_recorded_in_one_order(int? filter)
    {
        Needs.Qemu();
        using var payload = new Payload("lm4k");
        var options = payload.Options();

        var recording = payload.Record(options with { Arguments = [.. options.Arguments, "-smp", "2"], StartAt = null, FilterSlots = filter, MaxAccesses = 3_000_000 });

        // The payload runs on one vCPU; the firmware before it starts both.
        Assert.Equal(2, recording.Manifest.Vcpus);
        Assert.Equal([0, 1], recording.Events(TraceEventKind.VcpuState).Select(static row => (int)row.Vcpu).Distinct().Order());
        Assert.Equal([0, 1], recording.Accesses.Select(static row => (int)row.Vcpu).Distinct().Order());
        recording.Check();
    }

    [Fact]
    public void A_recording_starts_with_the_memory_map_and_the_state_of_the_vCPU()
    {
        Needs.Qemu();
        using var payload = new Payload("nopg");

        var recording = payload.Record(payload.Options());

        var ram = EventDetail.ReadMemslotChange(recording.Events(TraceEventKind.Memslot).First());
        Assert.Equal((0UL, 0xa0000UL, false), (ram.Gpa, ram.Size, ram.ReadOnly));
        Assert.Contains(recording.Events(TraceEventKind.Memslot).Select(row => EventDetail.ReadMemslotChange(row)), static slot => slot is { Gpa: 0x100000, Size: (64 << 20) - 0x100000, HvaOffset: 0x100000 });
        Assert.Contains(recording.Events(TraceEventKind.Memslot).Select(row => EventDetail.ReadMemslotChange(row)), static slot => slot is { Gpa: 0xfffc0000, Size: 0x40000, ReadOnly: true, Name: "pc.bios" });
        var state = EventDetail.ReadVcpuState(recording.Events(TraceEventKind.VcpuState).Single());
        Assert.Equal((0x11UL, payload.Entry.Value, 0), (state.Cr0, state.Rip, state.Cpl));
    }

    [Fact]
    public void Bounds_cut_the_same_stream_short()
    {
        Needs.Qemu();
        using var payload = new Payload("lm4k");
        var whole = payload.Record(payload.Options());
        var middle = whole.Accesses.Where(static row => row.Kind == AccessKind.Fetch).ElementAt(3);

        var limited = payload.Record(payload.Options() with { MaxAccesses = 5000 });
        var stopped = payload.Record(payload.Options() with { StopAt = GuestAddress.Virtual(middle.Gva) });
        var never = payload.Record(payload.Options() with { StartAt = GuestAddress.Virtual(0x7777_0000) });

        Assert.Equal((QemuEndReason.MaxAccesses, 5000), (limited.Summary.EndReason, limited.Summary.AccessesSeen));
        Assert.Equal(whole.Rows.Take(limited.Rows.Count).Select(static row => row.Ordinal), limited.Rows.Select(static row => row.Ordinal));
        Assert.Equal(QemuEndReason.StopAt, stopped.Summary.EndReason);
        Assert.InRange(stopped.Rows.Count, 1, whole.Rows.Count - 1);
        Assert.Equal((QemuEndReason.StartAtNotReached, 0), (never.Summary.EndReason, never.Rows.Count));
    }

    private static void AssertSame(Streams.Row expected, Streams.Row actual)
    {
        var data = (expected.Event?.Data, actual.Event?.Data);
        Assert.Equal(data.Item1, data.Item2);
        Assert.Equal(expected with { Event = WithoutData(expected.Event) }, actual with { Event = WithoutData(actual.Event) });
    }

    private static TraceEvent? WithoutData(TraceEvent? row) => row is { } what ? what with { Data = null } : null;
}
