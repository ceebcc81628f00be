using Replay.Analyzer.Observed;
using Replay.Analyzer.Store;
using Replay.Cli.Commands;
using Replay.Cli.Replaying;
using Replay.Recorder.Ftrace;
using Replay.Recorder.Ftrace.Reconstruction;
using Replay.Replayer;
using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Importing;

/// <summary>Makes a capture of a trace, and holds its replay against the trace.</summary>
internal static class Reconstruction
{
    /// <summary>Keys of the manifest's origin by which a replay knows the traced host.</summary>
    public const string ModeKey = "mmu";
    public const string HostKey = "host";
    public const string KernelKey = "kernel";
    public const string PagesKey = "host_pages";
    public const string OffsetKey = "ordinal_offset";

    /// <summary>How it is known when the dirty log was read: <c>seen</c>, or <c>inferred</c> from faults that follow.</summary>
    public const string DirtyLogKey = "dirty_log";

    /// <param name="input">The trace, from its beginning.</param>
    /// <param name="plan">How to read it.</param>
    /// <param name="profile">The host as the user says; null: as the trace tells.</param>
    /// <param name="kernel">Kernels that the trace may be of.</param>
    /// <param name="capture">The directory to make.</param>
    /// <param name="force">Replace what is there.</param>
    /// <param name="cancellation">Ends the reading.</param>
    public static (ReconstructionSummary Summary, CaptureManifest Manifest) Write(
        FtraceInput input, ImportPlan plan, HostProfile? profile, string kernel, string capture, bool force, CancellationToken cancellation)
    {
        if (!plan.Host.IsTwoDimensional)
            throw new UsageException("-o: with shadow paging a trace does not show what decides the tables: the guest's own page tables. A capture can be made of EPT and NPT alone.");
        if (plan.Vms.Count > 1)
            throw new UsageException($"-o: the trace holds {plan.Vms.Count} VMs, and a capture is of one. --pid names the threads of one of them ({string.Join("; ", plan.Vms.Select(vm => $"{vm.Name}: {string.Join(' ', vm.Threads)}"))}).");
        var reconstruction = new CaptureReconstruction(plan.Host.Paging == ObservedPaging.Ept, plan.Outlook.VcpuOfThread, plan.Host.Kernel.HasSlotZapQuirk);
        var watch = new VmWatch(plan.Pids.Count == 0 ? reconstruction.Sink : new PidFilter(reconstruction.Sink, plan.Pids));
        var trace = FtraceReader.Read(input.Text, watch, null, null, cancellation);
        TraceImport.Check(plan, watch, input.Name);
        cancellation.ThrowIfCancellationRequested();
        var host = profile ?? (plan.Host.IsIntel ? reconstruction.HasAdDisabled ? HostProfiles.IntelNoAd : HostProfiles.Intel : HostProfiles.Amd);
        reconstruction.Finish(host.PrivateMemslots);
        if (reconstruction.SlotsWentAlone)
            host = ModuleParameters.Apply(host, new Dictionary<string, string> { [ModuleParameters.SlotZapQuirk] = "N" });
        var manifest = new CaptureManifest
        {
            Source = "ftrace",
            Tool = ToolVersion.Text,
            Vcpus = Math.Clamp(reconstruction.Vcpus, 1, 256),
            MemoryBytes = reconstruction.MemoryBytes,
            HasRips = true,
            Origin =
            {
                ["trace"] = input.Name,
                [ModeKey] = plan.Host.ModeName,
                [HostKey] = host.Name,
                [PagesKey] = reconstruction.HasHugePages ? "thp" : "4k",
                [KernelKey] = kernel,
                [DirtyLogKey] = reconstruction.ShowsDirtyLog ? "seen" : "inferred",
                ["lost_events"] = $"{trace.LostEvents}",
                ["loss_markers"] = $"{trace.LossMarkers}",
            },
            Blind =
            [
                "accesses that did not fault: a mode that maps less at a fault than the traced host did would have had more faults",
                "memslots and where they lie in the process: inferred",
                "entries that were made before the trace begins or before events were lost",
                .. reconstruction.Unknown,
            ],
        };
        var writer = CaptureWriter.Create(capture, manifest, new CaptureWriterOptions { Force = force });
        try
        {
            using (writer)
            {
                var summary = reconstruction.Write(writer);
                writer.Amend(known => known with { Origin = new SortedDictionary<string, string>(known.Origin, StringComparer.Ordinal) { [OffsetKey] = $"{summary.OrdinalOffset}" } });
                return (summary, writer.Complete("trace-end", summary.Faults));
            }
        }
        catch
        {
            CaptureWriter.Withdraw(capture);
            throw;
        }
    }

    /// <summary>Replays the capture as the traced host, and holds each write against the trace.</summary>
    public static (Companion Companion, ReplayResult Result) Fill(string capture, SeenWrites seen, IHistory history, EntryClassifier entries, CancellationToken cancellation)
    {
        using var reader = CaptureReader.Open(capture);
        var plan = TracedHost(reader.Manifest) ?? throw new CaptureFormatException($"{capture}: was not made of a trace.");
        var offset = long.Parse(reader.Manifest.Origin[OffsetKey], System.Globalization.CultureInfo.InvariantCulture);
        var earlier = new HashSet<long>();
        var assumed = new HashSet<long>();
        var isLogInferred = reader.Manifest.Origin.GetValueOrDefault(DirtyLogKey) == "inferred";
        reader.ReadEvents(rows =>
        {
            foreach (var row in rows)
            {
                if (row.Kind == TraceEventKind.EarlierMappings)
                    earlier.Add(row.Ordinal);
                else if ((isLogInferred && row.Kind is TraceEventKind.DirtyLogOn or TraceEventKind.DirtyLogGet) || CaptureReconstruction.IsAssumed(row))
                    assumed.Add(row.Ordinal);
            }
        });
        var companion = new Companion(history, seen, entries, offset, earlier, assumed);
        var result = ReplaySession.Run(reader, new ReplayOptions { Mode = plan.Mode, Kernel = plan.Kernel, Profile = plan.Profile, Backing = plan.Backing }, companion, null, cancellation);
        return (companion, result);
    }

    /// <summary>The host of the trace that a capture was made of; null for other captures.</summary>
    public static (MmuMode Mode, KvmBehaviour Kernel, HostProfile Profile, HostBacking Backing)? TracedHost(CaptureManifest manifest)
    {
        if (manifest.Source != "ftrace" || !manifest.Origin.TryGetValue(ModeKey, out var name) || !MmuModes.TryParse(name, out var mode)
            || ModuleParameters.OfName(manifest.Origin.GetValueOrDefault(HostKey) ?? "") is not { } profile)
            return null;
        var kernel = KvmBehaviour.NearestTo(manifest.Origin.GetValueOrDefault(KernelKey) ?? "");
        return (mode, kernel, profile, new HostBacking { Recorded = true, HugePages = manifest.Origin.GetValueOrDefault(PagesKey) == "thp" });
    }
}

/// <summary>Collects what a trace shows.</summary>
internal sealed class SeenCollector : SilentObservedHistory
{
    public SeenWrites Seen { get; } = new();

    public override void OnWrite(in TableWrite record) => Seen.Add(record);

    public override void OnTablePage(in TablePageRecord record) => Seen.Add(record);
}
