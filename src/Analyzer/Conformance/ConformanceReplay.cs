using Replay.Replayer;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Analyzer.Conformance;

/// <summary>Replays a case's guest as its VMM ran it, and compares what the model did with what the real KVM did.</summary>
public static class ConformanceReplay
{
    /// <param name="conformanceCase">Mode, memory, backing, host events.</param>
    /// <param name="program">The guest's program.</param>
    /// <param name="source">The guest's capture, from its entry point on. Its own memslots are not used: the case says which there was.</param>
    /// <param name="cancellation">Looked at between chunks.</param>
    /// <exception cref="ConformanceCaseException">The case cannot be read, or its host profile is not known.</exception>
    public static ConformanceResult Run(ConformanceCase conformanceCase, CaseProgram program, ITraceSource source, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(conformanceCase);
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(source);
        var profile = HostProfiles.Find(conformanceCase.HostProfile)
            ?? throw new ConformanceCaseException($"{conformanceCase.Folder}: host profile '{conformanceCase.HostProfile}' is not known");
        if (conformanceCase.SlotZapQuirkDisabled)
            profile = profile with { SlotZapQuirk = false };
        // Recorded with Bochs 2.7, which tells less than 3.0, with which the others were.
        if (conformanceCase.IsNestedVmx)
            profile = profile with { AdvancedExitInformation = false };
        if (!conformanceCase.Mode.RunsOn(profile.Vendor))
            throw new ConformanceCaseException($"{conformanceCase.Folder}: mode {conformanceCase.Mode.Name()} does not run on host profile '{profile.Name}'");
        var (model, sharedAtEnd, markers) = Replay(conformanceCase, profile, program, source, cancellation);
        var observed = conformanceCase.ReadObserved(profile.EptAdBits, sharedAtEnd);
        return ConformanceResult.Of(conformanceCase, observed, model, program) with { EndedBehind = EndedBehind(conformanceCase, markers) };
    }

    /// <summary>The real guest came to an end behind this checkpoint, where the captured one went on; null: both came as far.</summary>
    private static byte? EndedBehind(ConformanceCase conformanceCase, List<byte> markers)
    {
        var checkpoints = conformanceCase.Checkpoints();
        return checkpoints.Count > 0 && checkpoints.Count < markers.Count && markers.Take(checkpoints.Count).SequenceEqual(checkpoints) ? checkpoints[^1] : null;
    }

    private static (ConformanceSequences Sequences, IReadOnlyCollection<ulong> SharedAtEnd, List<byte> Markers) Replay(
        ConformanceCase conformanceCase, HostProfile profile, CaseProgram program, ITraceSource source, CancellationToken cancellation)
    {
        var pages = conformanceCase.MemoryBytes >> 12;
        var firstPfn = HostMemory.FirstPfn + (ConformanceHost.HvaOffset(conformanceCase) >> 12);
        var trace = new ModelTrace(conformanceCase.Mode.UsesEptFormat(), pfn => pfn - firstPfn < pages ? pfn - firstPfn : null, namesVcpus: conformanceCase.Vcpus > 1)
        {
            TellsNested = conformanceCase.TellsNested(),
        };
        var options = new ReplayOptions
        {
            Mode = conformanceCase.Mode,
            Kernel = conformanceCase.Kernel,
            Profile = profile,
            InstructionAt = new StoreInstructionReader(program).At,
            Backing = new HostBacking { HugePages = conformanceCase.HugePages, Populated = conformanceCase.Populated },
        };
        var session = new ReplaySession(source.Manifest, options, trace);
        trace.Session = session;
        var host = new ConformanceHost(conformanceCase, session, trace);
        var markers = new List<byte>();
        session.Marker = number =>
        {
            markers.Add(number);
            host.AtCheckpoint(number);
            if (number == conformanceCase.UntilCheckpoint)
                trace.Close();
        };
        host.Start(program.Segments);
        if (source.Manifest.Vcpus != conformanceCase.Vcpus)
            throw new ConformanceCaseException($"{conformanceCase.Folder}: has {conformanceCase.Vcpus} vCPUs, the guest's capture {source.Manifest.Vcpus}");
        if (conformanceCase.Turns is not null && !source.Manifest.HasRips)
            throw new ConformanceCaseException($"{conformanceCase.Folder}: the guest's capture tells no instruction addresses, by which vCPUs take turns: record it with --rip");
        if (conformanceCase.Turns is not null && source.Manifest.Filter is not null)
            throw new ConformanceCaseException($"{conformanceCase.Folder}: the guest's capture is page-filtered, and lacks the reads by which vCPUs take turns: record every access");
        var turns = conformanceCase.Turns is { } rule ? new TurnSource(source, rule, conformanceCase.Entry) : null;
        var chunk = new TraceChunk();
        while ((turns ?? source).TryRead(chunk))
        {
            cancellation.ThrowIfCancellationRequested();
            chunk.Events.RemoveAll(row => row.Kind == TraceEventKind.Memslot);
            if (turns?.Begun is { } turn)
                session.Resume(turn.Vcpu, turn.Rip, turn.Ordinal);
            session.Process(chunk);
        }

        trace.Dump("final");
        return (trace.ToSequences(), SharedAtEnd(session), markers);
    }

    /// <summary>The gfns that the host maps to a shared frame.</summary>
    private static List<ulong> SharedAtEnd(ReplaySession session)
    {
        var shared = new List<ulong>();
        foreach (var slot in session.Vm.Memslots.All)
        {
            for (var gfn = slot.BaseGfn; gfn < slot.EndGfn; gfn++)
            {
                if (session.Vm.HostMemory.TryGetFrame(slot, gfn, out var pfn) && pfn < HostMemory.FirstPfn)
                    shared.Add(gfn);
            }
        }

        return shared;
    }
}
