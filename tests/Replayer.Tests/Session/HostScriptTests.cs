using Replay.Replayer.History;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Replayer.Tests.Session;

/// <summary>What the host does meanwhile is done where the script says, and what it could not do is told.</summary>
public sealed class HostScriptTests
{
    private const ulong Ram = 16 << 20;

    private readonly Kvm.Recorder _recorder = new();

    [Theory]
    [InlineData("invalidate", "\"gpa\":\"0x200000\",\"size\":\"0x200000\"")]
    [InlineData("protect", "\"gpa\":\"0x200000\"")]
    [InlineData("share", "\"gpa\":\"0x200000\"")]
    [InlineData("split", "\"gpa\":\"0x200000\"")]
    [InlineData("memslot", "\"slot\":0,\"size\":0")]
    public void A_page_that_the_host_takes_is_faulted_in_again(string op, string rest)
    {
        var session = Run($"{{\"at\":6,\"op\":\"{op}\",{rest}}}", HostBacking.Thp, HostProfiles.Intel, AccessKind.Read, 0x200000, 0x200000, 0x200000, 0x200000);
        Assert.Equal([2L, 6L], _recorder.Faults.Select(fault => fault.Ordinal).Take(2));
        Assert.Contains(_recorder.Writes, write => write.Ordinal == 6 && write.Old != 0);
        Assert.Equal(0, session.HostActionsLeft);
    }

    [Fact]
    public void Collapse_makes_the_next_mapping_a_huge_page()
    {
        Run("{\"at\":4,\"op\":\"collapse\",\"gpa\":\"0x201000\"}", HostBacking.Pages4K, 0x200000, 0x200000);
        Assert.Equal([1, 2], _recorder.Faults.Select(fault => (int)fault.MappedLevel));
    }

    [Fact]
    public void Reclaim_flushes_what_age_does_not()
    {
        Run("{\"at\":4,\"op\":\"age\",\"gpa\":\"0x200000\"}", HostBacking.Pages4K, 0x200000, 0x200000);
        Assert.DoesNotContain(_recorder.Flushes, flush => flush.Kind == FlushKind.Remote);
        Run("{\"at\":4,\"op\":\"reclaim\",\"gpa\":\"0x200000\"}", HostBacking.Pages4K, 0x200000, 0x200000);
        Assert.Contains(_recorder.Flushes, flush => flush is { Kind: FlushKind.Remote, Requester: -1 });
    }

    /// <summary>As QEMU logs: nothing is protected when logging begins or the log is read, but when it is cleared.</summary>
    [Fact]
    public void A_log_that_is_full_at_first_protects_what_is_cleared()
    {
        Run(
            """
            {"at":4,"op":"dirty_log_on","gpa":0,"initiallySet":true}
            {"at":4,"op":"dirty_log_read","gpa":0}
            {"at":6,"op":"dirty_log_clear","gpa":"0x200000","size":"0x40000"}
            """,
            HostBacking.Pages4K,
            HostProfiles.Intel with { Pml = false },
            AccessKind.Write,
            0x200000,
            0x200000,
            0x200000,
            0x200000);
        Assert.Equal([2L, 6L], _recorder.Faults.Select(fault => fault.Ordinal));
        Assert.DoesNotContain(_recorder.Writes, write => write.Ordinal is 4 or 5 && write.Actor != Actor.Hardware);
        Assert.All(_recorder.Writes.Where(write => write.Ordinal == 6 && write.Actor != Actor.Hardware), write => Assert.Contains(write.Gfn - 0x200, Enumerable.Range(0, 64).Select(i => (ulong)i)));
    }

    [Theory]
    [InlineData("{\"at\": tr\re}")]
    [InlineData("{\"at\": \u2028}")]
    [InlineData("{\"at\": \"\v")]
    public void What_is_wrong_is_told_in_one_line(string text)
    {
        var error = Assert.Throws<CaptureFormatException>(() => HostScript.Parse(text, "events.jsonl"));
        Assert.StartsWith("events.jsonl, line 1: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(error.Message.ReplaceLineEndings(""), error.Message);
    }

    [Fact]
    public void NX_recovery_can_be_asked_for()
    {
        Run("{\"at\":4,\"op\":\"nx_recovery\"}", HostBacking.Thp, HostProfiles.IntelBroadwell, AccessKind.Fetch, 0x200000, 0x200000);
        Assert.Contains(_recorder.Pages, page => page is { Operation: PageOperation.Zap, Ordinal: 4 });
    }

    [Fact]
    public void At_a_marker_it_happens_each_time_or_the_one_that_is_named()
    {
        var lines = "{\"marker\":7,\"op\":\"invalidate\",\"gpa\":\"0x200000\"}\n# a remark\n\n{\"marker\":7,\"nth\":2,\"op\":\"age\",\"gpa\":\"0x200000\"}\n{\"marker\":9,\"op\":\"age\",\"gpa\":0}";
        var result = Run(lines, HostBacking.Pages4K, HostProfiles.Intel, AccessKind.Write, 0x200000, ulong.MaxValue, 0x200000, ulong.MaxValue, 0x200000);
        Assert.Equal(3, _recorder.Faults.Count);
        Assert.Equal(1, result.HostActionsLeft);
    }

    [Fact]
    public void What_cannot_be_done_is_noted_with_its_line()
    {
        Run("\n{\"at\":3,\"op\":\"dirty_log_read\",\"gpa\":\"0x200000\"}", HostBacking.Pages4K, 0x200000, 0x200000);
        var note = Assert.Single(_recorder.Notes);
        Assert.Equal((ModelNote.EventNotModelled, 2UL), (note.Kind, note.Recorded));
    }

    [Theory]
    [InlineData("{\"at\":1,\"op\":\"explode\",\"gpa\":0}", "line 1: op 'explode' is not known")]
    [InlineData("{\"at\":1,\"marker\":2,\"op\":\"age\",\"gpa\":0}", "either 'at', an ordinal, or 'marker', a byte")]
    [InlineData("{\"at\":1,\"op\":\"age\"}", "age needs 'gpa'")]
    [InlineData("{\"at\":1,\"op\":\"age\",\"gpa\":\"12monkeys\"}", "'gpa' is '12monkeys', not a number")]
    [InlineData("{\"at\":1,\"op\":\"age\",\"gpa\":0,\"sise\":1}", "age has no 'sise'")]
    [InlineData("{\"at\":1,\"nth\":2,\"op\":\"age\",\"gpa\":0}", "'nth' goes with 'marker'")]
    [InlineData("{\"at\":1", "line 1: ")]
    public void A_line_that_is_not_understood_is_refused(string line, string why)
    {
        var error = Assert.Throws<CaptureFormatException>(() => HostScript.Parse(line, "x.jsonl"));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("x.jsonl, line 1: ", error.Message, StringComparison.Ordinal);
    }

    private ReplayResult Run(string script, HostBacking backing, params ulong[] addresses) => Run(script, backing, HostProfiles.Intel, AccessKind.Write, addresses);

    /// <summary>A guest without paging that accesses addresses, from ordinal 2 on, two ordinals apart; the highest address is a marker.</summary>
    private ReplayResult Run(string script, HostBacking backing, HostProfile profile, AccessKind kind, params ulong[] addresses)
    {
        _recorder.Clear();
        var options = new ReplayOptions { Mode = MmuMode.Ept, Profile = profile, Backing = backing, HostScript = HostScript.Parse(script, "x.jsonl") };
        var session = new ReplaySession(new CaptureManifest { Source = "test", Tool = "test", MemoryBytes = Ram }, options, _recorder);
        var chunk = new TraceChunk();
        chunk.Events.Add(new TraceEvent { Ordinal = 0, Kind = TraceEventKind.Memslot, Detail = EventDetail.Write(new MemslotChange { Size = Ram }) });
        chunk.Events.Add(new TraceEvent { Ordinal = 1, Kind = TraceEventKind.VcpuState, Detail = EventDetail.Write(new VcpuState { Cr0 = 0x11 }) });
        var ordinal = 2L;
        foreach (var address in addresses)
        {
            if (address == ulong.MaxValue)
                chunk.Events.Add(new TraceEvent { Ordinal = ordinal, Kind = TraceEventKind.Marker, Value = 7 });
            else
                chunk.Add(ordinal, 0, kind, AccessFlags.None, address, address, 4);
            ordinal += 2;
        }

        session.Process(chunk, null);
        return session.Finish();
    }
}
