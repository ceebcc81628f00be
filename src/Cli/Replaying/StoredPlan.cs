using Replay.Analyzer.Store;
using Replay.Cli.Commands;
using Replay.Replayer;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Host;
using Replay.Trace;

namespace Replay.Cli.Replaying;

/// <summary>The plan by which a run was made, from its row.</summary>
internal static class StoredPlan
{
    /// <exception cref="UsageException">The row names a mode or a host that this tool does not know.</exception>
    /// <exception cref="CaptureFormatException">The capture is no longer the one that was replayed.</exception>
    public static ReplayPlan Of(RunRow run)
    {
        if (!MmuModes.TryParse(run.Mode, out var mode))
            throw new UsageException($"run {run.Run} ({run.Name}): mode {run.Mode} cannot be replayed.");
        var capture = Inputs.Capture(run.Capture);
        using (var reader = CaptureReader.Open(capture))
        {
            if (reader.Manifest.Checksum != run.CaptureHash)
                throw new CaptureFormatException($"{capture}: is not the capture that run {run.Run} ({run.Name}) replayed. Replay it again with 'replay run'.");
        }

        return new ReplayPlan
        {
            Capture = capture,
            Modes = [mode],
            Kernels = [KvmBehaviour.OfRelease(run.Kernel) ?? throw new UsageException($"run {run.Run} ({run.Name}): Linux {run.Kernel} is not modelled.")],
            Profile = Profile(run),
            HostScript = run.OptionsByName().TryGetValue("host_events", out var script)
                ? HostScript.Parse(script, $"run {run.Run} ({run.Name}), host events")
                : null,
            Backing = new HostBacking
            {
                HugePages = run.Backing.StartsWith("thp", StringComparison.Ordinal),
                Populated = !run.Backing.Contains("-lazy", StringComparison.Ordinal),
            },
            TracedMode = run.Backing.EndsWith("-recorded", StringComparison.Ordinal) ? mode : null,
        };
    }

    private static HostProfile Profile(RunRow run) =>
        ModuleParameters.OfName(run.Profile) ?? throw new UsageException($"run {run.Run} ({run.Name}): host {run.Profile.Split('+')[0]} is not known.");
}
