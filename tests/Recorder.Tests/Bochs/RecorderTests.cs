using Replay.Recorder.Bochs;
using Replay.Recorder.Tests.Qemu;
using Replay.Trace;

namespace Replay.Recorder.Tests.Bochs;

/// <summary>Guests run under Bochs and recorded.</summary>
public sealed class RecorderTests
{
    private static readonly string Hypervisor = Repository.Data("payloads", "nvmx0.elf");

    [Fact]
    public void A_hypervisor_under_VMX_is_recorded_with_its_guests()
    {
        NeedsBochs();
        var (summary, rows) = Record(new BochsRecordingOptions { Kernel = Hypervisor });
        var events = rows.Where(row => row.Event is not null).Select(row => row.Event!.Value).ToList();

        Assert.Equal((BochsEndReason.GuestExit, 0), (summary.EndReason, summary.ExitCode));
        Assert.Equal([1UL, 2, 3], events.Where(row => row.Kind == TraceEventKind.Marker).Select(row => row.Value!.Value));
        var entries = events.Where(row => row.Kind == TraceEventKind.NestedEnter).Select(row => EventDetail.ReadNestedEntry(row)).ToList();
        Assert.Equal([(true, 0UL, 0UL), (true, 1UL, 0x30_005eUL)], entries.Select(entry => (entry.Vmx == true, entry.NestedControl, entry.NestedCr3)));
        Assert.Equal([18UL, 18], events.Where(row => row.Kind == TraceEventKind.NestedExit).Select(row => row.Value!.Value)); // VMCALL
        var last = events.Last(row => row.Kind == TraceEventKind.NestedAccess);
        Assert.Equal((last.Gva, last.Gva), (last.L2Gpa, last.Gpa)); // one to one at every stage
        Assert.DoesNotContain(summary.Blind, line => line.Contains("no longer gave", StringComparison.Ordinal));
        Assert.Equal(Enumerable.Range(0, rows.Count).Select(i => (long)i), rows.Select(row => row.Ordinal));
    }

    [Fact]
    public void A_recording_ends_at_its_bound()
    {
        NeedsBochs();
        var (summary, _) = Record(new BochsRecordingOptions { Kernel = Hypervisor, MaxAccesses = 1000 });
        Assert.Equal((BochsEndReason.MaxAccesses, 1000L), (summary.EndReason, summary.AccessesSeen));
    }

    [Fact]
    public void A_recording_that_is_interrupted_is_whole_up_to_there()
    {
        NeedsBochs();
        using var interrupted = new CancellationTokenSource();
        using var recorder = BochsRecorder.Start(new BochsRecordingOptions { Kernel = Hypervisor });
        var sink = new InterruptingSink(interrupted);
        Assert.Equal(BochsEndReason.Interrupted, recorder.Record(sink, cancellation: interrupted.Token).EndReason);
        Assert.Equal(Enumerable.Range(0, sink.Rows.Count).Select(i => (long)i), sink.Rows.Select(row => row.Ordinal));
    }

    [Fact]
    public void A_CPU_that_Bochs_does_not_know_is_refused_with_those_it_knows()
    {
        NeedsBochs();
        var error = Assert.Throws<RecorderException>(() => BochsRecorder.Start(new BochsRecordingOptions { Kernel = Hypervisor, Cpu = "z80" }));
        Assert.Equal(RecorderFailure.Usage, error.Failure);
        Assert.Contains("corei7_skylake_x", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_Bochs_is_told_with_what_to_install()
    {
        var error = Assert.Throws<RecorderException>(() => BochsInstallation.Find("/nowhere/bochs"));
        Assert.Equal(RecorderFailure.ToolMissing, error.Failure);
        Assert.Contains("apt install bochs bochs-sdl bochsbios vgabios", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_run_is_refused_before_Bochs_is_looked_for()
    {
        Assert.Equal(RecorderFailure.Usage, Refused(new BochsRecordingOptions()));
        Assert.Equal(RecorderFailure.Usage, Refused(new BochsRecordingOptions { Kernel = Hypervisor, Disk = Hypervisor }));
        Assert.Equal(RecorderFailure.Usage, Refused(new BochsRecordingOptions { Kernel = Hypervisor, Megabytes = 4096 }));
        Assert.Equal(RecorderFailure.Usage, Refused(new BochsRecordingOptions { Kernel = Hypervisor, Cpu = "a, count=2" }));
        Assert.Equal(RecorderFailure.InputMissing, Refused(new BochsRecordingOptions { Kernel = "/nowhere.elf" }));

        static RecorderFailure Refused(BochsRecordingOptions options) => Assert.Throws<RecorderException>(options.Validate).Failure;
    }

    [Fact]
    public void A_kernel_is_read_and_a_file_that_is_none_is_refused()
    {
        var kernel = MultibootKernel.Read(Hypervisor);
        Assert.Equal((0x10_000cU, 0x10_0000U), (kernel.Entry, Assert.Single(kernel.Segments).Gpa));
        Assert.Equal(RecorderFailure.BadInput, Assert.Throws<RecorderException>(() => MultibootKernel.Read(Repository.Data("payloads", "README.md"))).Failure);
    }

    [Fact]
    public void The_ROM_leads_from_the_reset_vector_to_the_kernel()
    {
        var rom = EntryRom.Make(0x10_000c);
        Assert.Equal(0x1_0000, rom.Length);
        Assert.Equal("e90d00", Convert.ToHexStringLower(rom.AsSpan(0xfff0, 3))); // back round the end of the segment
        var jump = rom.AsSpan(0, 0x80).LastIndexOf((byte)0xe9);
        Assert.Equal(0x10_000cU, 0xf_0000U + (uint)jump + 5 + BitConverter.ToUInt32(rom, jump + 1));
    }

    private static (BochsRecordingSummary Summary, List<Synthetic.Streams.Row> Rows) Record(BochsRecordingOptions options)
    {
        using var recorder = BochsRecorder.Start(options);
        var sink = new RowSink();
        return (recorder.Record(sink, cancellation: TestContext.Current.CancellationToken), sink.Rows);
    }

    private static void NeedsBochs()
    {
        try
        {
            BochsInstallation.Find(path: null);
        }
        catch (RecorderException error)
        {
            Needs.SkipUnlessInCi(error.Message);
        }
    }

    private sealed class InterruptingSink(CancellationTokenSource interrupted) : ITraceSink
    {
        private readonly RowSink _rows = new();

        public List<Synthetic.Streams.Row> Rows => _rows.Rows;

        public void Write(TraceChunk chunk)
        {
            _rows.Write(chunk);
            interrupted.Cancel();
        }
    }
}
