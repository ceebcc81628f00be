using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>A guest that runs guests of its own: entries, exits and three addresses of each access of the nested one.</summary>
public class NestedGuestTests
{
    public static TheoryData<string, int?> Recordings()
    {
        var data = new TheoryData<string, int?>();
        foreach (var name in Payload.Hypervisors)
        {
            data.Add(name, null);
            data.Add(name, 64);
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Recordings))]
    public void Every_access_of_a_nested_guest_follows_from_its_tables_and_its_hypervisors(string name, int? filter)
    {
        Needs.Qemu();
        using var payload = new Payload(name);

        var recording = payload.Record(payload.Options(filter));

        var guest = recording.Check();
        Assert.Empty(guest.Contradictions);
        Assert.InRange(guest.NestedAccesses, 200, long.MaxValue);
        Assert.Equal(0, recording.Summary.NestedNotFollowed);
        Assert.Equal(payload.ExpectedConsole, payload.Console);
    }

    [Theory]
    [InlineData("nsvm")]
    [InlineData("nsvmnonpt")]
    [InlineData("nsvmpae")]
    public void A_filtered_recording_has_the_events_of_a_full_one_at_the_same_ordinals(string name)
    {
        Needs.Qemu();
        using var payload = new Payload(name);

        var full = payload.Record(payload.Options());
        var filtered = payload.Record(payload.Options(filter: 64));

        Assert.Equal(NotDropped(full), NotDropped(filtered));
        var all = full.Events(TraceEventKind.NestedAccess).Select(static row => row.Ordinal).ToHashSet();
        Assert.All(filtered.Events(TraceEventKind.NestedAccess), row => Assert.Contains(row.Ordinal, all));

        static List<(long, TraceEventKind, ulong?, ulong?)> NotDropped(Recording recording)
            => [.. recording.Rows.Where(static row => row.Event is { Kind: not TraceEventKind.NestedAccess })
                .Select(static row => (row.Ordinal, row.Event!.Value.Kind, row.Event.Value.Value, row.Event.Value.Gpa))];
    }

    /// <summary>INVLPGA, both ways in and out, nested page faults and intercepted #PFs.</summary>
    [Fact]
    public void Entries_and_exits_carry_what_the_VMCB_says()
    {
        Needs.Qemu();
        using var payload = new Payload("nsvm");

        var recording = payload.Record(payload.Options(filter: 1024));

        var entries = recording.Events(TraceEventKind.NestedEnter).Select(static row => EventDetail.ReadNestedEntry(row)).ToList();
        var exits = recording.Events(TraceEventKind.NestedExit).Select(static row => (Code: row.Value!.Value, Detail: EventDetail.ReadNestedExit(row))).ToList();
        Assert.Equal(entries.Count, exits.Count);
        Assert.All(entries, static entry => Assert.True(entry.NestedPaging));
        Assert.Equal([0x300000UL, 0x320000UL], entries.Select(static entry => entry.NestedCr3).Distinct().Order());
        Assert.Contains(exits, static exit => exit.Code == 0x81); // VMMCALL
        Assert.Contains(exits, static exit => exit.Code == 0x4e); // #PF
        Assert.Contains(exits, static exit => exit is { Code: 0x400, Detail.Info2: > 0 }); // #NPF
        Assert.NotEmpty(recording.Events(TraceEventKind.Invlpga));
    }
}
