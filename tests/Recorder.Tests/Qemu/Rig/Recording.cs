using Replay.Recorder.Qemu;
using Replay.Recorder.Tests.Synthetic;
using Replay.Trace;

namespace Replay.Recorder.Tests.Qemu;

/// <summary>A whole recording in memory.</summary>
internal sealed record Recording(CaptureManifest Manifest, QemuRecordingSummary Summary, List<Streams.Row> Rows)
{
    public IEnumerable<TraceEvent> Events(TraceEventKind kind) => Rows.Where(row => row.Event?.Kind == kind).Select(static row => row.Event!.Value);

    public IEnumerable<Streams.Row> Accesses => Rows.Where(static row => row.Event is null);

    /// <summary>Reads the stream against the naive guest: every address must follow from the events before it.</summary>
    public NaiveGuest Check()
    {
        var guest = new NaiveGuest();
        foreach (var row in Rows)
        {
            if (row.Event is { } what)
                guest.Event(what);
            else
                guest.Access(row.Ordinal, row.Vcpu, row.Kind, row.Flags, row.Gva, row.Gpa, row.Size);
        }
        return guest;
    }
}
