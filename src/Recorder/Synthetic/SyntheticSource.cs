using System.Reflection;
using Replay.Recorder.Synthetic.Workloads;
using Replay.Trace;

namespace Replay.Recorder.Synthetic;

/// <summary>The full stream of a workload, made while it is read.</summary>
public sealed class SyntheticSource : ITraceSource
{
    /// <summary>Accesses one turn of a workload makes, mostly; a turn that makes more spills into further chunks.</summary>
    private const int TurnReserve = 4096;

    private readonly SyntheticOptions _options;
    private readonly WorkloadContext _context;
    private readonly IEnumerator<WorkloadTurn> _turns;
    private readonly CaptureManifest _manifest;
    private string? _endReason;

    /// <exception cref="WorkloadUsageException">The workload or a knob does not exist, or a value does not fit.</exception>
    public SyntheticSource(SyntheticOptions options)
    {
        _options = options;
        var workload = WorkloadRegistry.Find(options.Workload);
        var knobs = new KnobValues(workload.Name, workload.AllKnobs, options.Knobs);
        var alignment = options.HostEventAlignment ?? options.Filter?.EpochLength ?? 0;
        _context = new WorkloadContext(workload, knobs, new SeededRandom(options.Seed), alignment);
        _turns = workload.Run(_context).GetEnumerator();
        _manifest = Describe(options, knobs, _context);
    }

    public CaptureManifest Manifest => _manifest with
    {
        AccessesSeen = _context.Machine.Stream.Accesses,
        EndReason = _endReason,
        Complete = _endReason is not null,
    };

    /// <summary>The machine that runs the workload, for whoever wants to look inside.</summary>
    public Machine.GuestMachine Machine => _context.Machine;

    public bool TryRead(TraceChunk chunk)
    {
        var stream = _context.Machine.Stream;
        if (!stream.Attach(chunk))
            return true;
        while (_endReason is null && !stream.WantsHandOver(TurnReserve))
        {
            if (stream.Accesses >= (_options.MaxAccesses ?? long.MaxValue))
                _endReason = "max-accesses";
            else if (!_turns.MoveNext())
                _endReason = "guest-exit";
        }
        return chunk.AccessCount > 0 || chunk.Events.Count > 0;
    }

    private static CaptureManifest Describe(SyntheticOptions options, KnobValues knobs, WorkloadContext context)
    {
        var version = typeof(SyntheticSource).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        version = version?.Split('+')[0];
        var manifest = new CaptureManifest
        {
            Source = "synthetic",
            Tool = $"replay {version}",
            Vcpus = context.Machine.Vcpus.Count,
            MemoryBytes = context.Machine.Memory.Bytes,
            HasRips = true,
        };
        manifest.Origin["workload"] = options.Workload;
        manifest.Origin["seed"] = $"{options.Seed}";
        foreach (var (name, text) in knobs.Texts)
            manifest.Origin[$"knob.{name}"] = text;
        return manifest;
    }
}
