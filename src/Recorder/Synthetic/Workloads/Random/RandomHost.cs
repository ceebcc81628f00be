using Replay.Trace;

namespace Replay.Recorder.Synthetic.Workloads;

/// <summary>What the host does to a random guest's memory.</summary>
internal sealed class RandomHost
{
    private readonly WorkloadContext _context;
    private readonly RandomFrames _frames;
    private bool _logsDirty;
    private bool _hasDummy;

    public RandomHost(WorkloadContext context, RandomFrames frames)
    {
        _context = context;
        _frames = frames;
    }

    public void Act(SeededRandom random)
    {
        var page = new Gpa(_frames.Start.Value + (random.Below(_frames.Bytes >> 12) << 12));
        var left = _frames.Start.Value + _frames.Bytes - page.Value;
        var bytes = ulong.Min((1 + random.Below(16UL)) << 12, left);
        switch (random.Below(8))
        {
            case 0 or 1:
                _context.Host.Do(TraceEventKind.HostInvalidate, page, bytes);
                break;
            case 2 or 3:
                _context.Host.Do(TraceEventKind.HostAge, page, bytes);
                break;
            case 4:
                _context.Host.Do(TraceEventKind.HostChangePte, page);
                break;
            case 5:
                _logsDirty = !_logsDirty;
                _context.Host.Do(_logsDirty ? TraceEventKind.DirtyLogOn : TraceEventKind.DirtyLogOff, page);
                break;
            case 6 when _logsDirty:
                _context.Host.Do(TraceEventKind.DirtyLogGet, page);
                break;
            default:
                _hasDummy = !_hasDummy;
                _context.Host.SetMemslots(_hasDummy ? DummyMemslot.Add : DummyMemslot.Delete);
                break;
        }
    }
}
