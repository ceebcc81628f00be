using Replay.Recorder.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Synthetic;

public class EventColumnTests
{
    private static readonly Dictionary<TraceEventKind, string> Filled = new()
    {
        [TraceEventKind.PageTableStore] = "flags gpa gva rip size value",
        [TraceEventKind.Mmio] = "access flags gpa gva rip size",
        [TraceEventKind.ImplicitAccess] = "access gva size",
        [TraceEventKind.PageImage] = "gpa",
        [TraceEventKind.Cr0Write] = "rip value",
        [TraceEventKind.Cr3Write] = "rip value",
        [TraceEventKind.Cr4Write] = "rip value",
        [TraceEventKind.EferWrite] = "rip value",
        [TraceEventKind.PkruWrite] = "rip value",
        [TraceEventKind.Invlpg] = "gva rip",
        [TraceEventKind.Invpcid] = "error_code gva rip value",
        [TraceEventKind.GuestPageFault] = "access error_code flags gva rip",
        [TraceEventKind.Delivery] = "rip value",
        [TraceEventKind.Lidt] = "size value",
        [TraceEventKind.Lgdt] = "size value",
        [TraceEventKind.Ltr] = "size value",
        [TraceEventKind.VcpuState] = "detail",
        [TraceEventKind.Memslot] = "detail",
        [TraceEventKind.HostInvalidate] = "gpa value",
        [TraceEventKind.HostChangePte] = "gpa",
        [TraceEventKind.HostAge] = "gpa value",
        [TraceEventKind.DirtyLogOn] = "gpa",
        [TraceEventKind.DirtyLogOff] = "gpa",
        [TraceEventKind.DirtyLogGet] = "gpa",
        [TraceEventKind.Marker] = "rip value",
    };

    public static TheoryData<string, string> EveryWorkloadInEveryMode() => WorkloadTests.EveryWorkloadInEveryMode();

    [Theory]
    [MemberData(nameof(EveryWorkloadInEveryMode))]
    public void An_event_fills_the_columns_of_its_kind_and_no_other(string workload, string paging)
    {
        foreach (var row in Streams.Rows(SyntheticRecorder.Open(SmallRuns.Of(workload, paging))))
        {
            // A page image without data is all zero.
            if (row.Event is { } what && Columns(what) != Filled[what.Kind])
                Assert.Fail($"{what.Kind} {what.Ordinal} fills {Columns(what)}");
        }
    }

    [Fact]
    public void The_workloads_together_make_every_kind_of_event_but_lost_ones()
    {
        var made = new HashSet<TraceEventKind>();
        foreach (var (workload, paging, knob) in new[] { ("random", "4level", "pkeys"), ("dirty-log", "4level", "random-access"), ("context-switch-storm", "pae", "zero-page") })
        {
            var knobs = WorkloadRegistry.Find(workload).AllKnobs.Any(known => known.Name == knob) ? new[] { (knob, "true") } : [];
            var options = SmallRuns.Of(workload, paging, seed: 2, [.. knobs, .. workload is "random" ? new[] { ("operations", "6000"), ("host-percent", "3") } : []]);
            made.UnionWith(Streams.Rows(SyntheticRecorder.Open(options)).Where(row => row.Event is not null).Select(row => row.Event!.Value.Kind));
        }
        made.UnionWith(Streams.Rows(SyntheticRecorder.Open(SmallRuns.Of("demand-paging", "5level"))).Where(row => row.Event is not null).Select(row => row.Event!.Value.Kind));

        // The rest is seen of recorded guests and of traces of real hosts only.
        TraceEventKind[] others =
        [
            TraceEventKind.Lost, TraceEventKind.PageRelease, TraceEventKind.Lldt,
            TraceEventKind.NestedAccess, TraceEventKind.NestedEnter, TraceEventKind.NestedExit, TraceEventKind.Invlpga, TraceEventKind.Invept, TraceEventKind.Invvpid,
            TraceEventKind.GuestPhysicalAccess, TraceEventKind.TablesForgotten, TraceEventKind.VmEnd, TraceEventKind.EarlierMappings,
        ];
        Assert.Equal(Enum.GetValues<TraceEventKind>().Except(others).Order(), made.Order());
    }

    private static string Columns(TraceEvent row)
    {
        var filled = new List<string>();
        void Add(bool isFilled, string name)
        {
            if (isFilled)
                filled.Add(name);
        }

        Add(row.Access is not null, "access");
        Add(row.Detail is not null, "detail");
        Add(row.ErrorCode is not null, "error_code");
        Add(row.Flags is not null, "flags");
        Add(row.Gpa is not null, "gpa");
        Add(row.Gva is not null, "gva");
        Add(row.Rip is not null, "rip");
        Add(row.Size is not null, "size");
        Add(row.Value is not null, "value");
        return string.Join(' ', filled);
    }
}
