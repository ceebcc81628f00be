using Replay.Cli.Commands;
using Replay.Replayer;
using Replay.Replayer.Kvm;

namespace Replay.Cli.Demo;

/// <summary>What the demo replays, and which runs it sets side by side.</summary>
/// <param name="Modes">The modes.</param>
/// <param name="Kernels">Whose KVM.</param>
/// <param name="Title">Above the runs.</param>
/// <param name="Contrast">Above what CR3 loads and INVLPG do in each.</param>
/// <param name="Comparisons">Pairs of runs, and what to look for.</param>
/// <param name="Alike">A run whose tree is much like another's.</param>
internal sealed record DemoScript(
    IReadOnlyList<MmuMode> Modes, IReadOnlyList<KvmBehaviour> Kernels, string Title, string Contrast, IReadOnlyList<(string A, string B, string Title)> Comparisons, string? Alike = null)
{
    private static readonly MmuMode[] AllModes = [MmuMode.Ept, MmuMode.EptTdp, MmuMode.Shadow];

    /// <summary>Three modes of a kernel; where it has not got all of them, what it has, beside the newest kernel.</summary>
    public static DemoScript For(string? kernelName)
    {
        if (kernelName is not null && KvmBehaviour.Find(kernelName) is { } kernel && !AllModes.All(kernel.Has))
            return Beside(kernel, KvmBehaviour.Newest);
        return new DemoScript(
            AllModes,
            ReplayPlanOptions.Kernels(kernelName is null ? [] : [kernelName], AllModes),
            "The same accesses through three MMUs of KVM:",
            "With EPT, CR3 loads and INVLPG make no exit and touch no root; with shadow paging each exits, and KVM switches roots:",
            [
                ("ept", "ept-tdp", "Who maps how much with a fault: the shadow-MMU code prefetches, the TDP MMU does not. replay diff ept ept-tdp:"),
                ("ept", "shadow", "EPT against shadow paging. replay diff ept shadow:"),
            ],
            Alike: "ept-tdp");
    }

    private static DemoScript Beside(KvmBehaviour old, KvmBehaviour newest)
    {
        var modes = AllModes.Where(old.Has).ToList();
        return new DemoScript(
            modes,
            [old, newest],
            $"The same accesses through the KVM of two kernels, {old} and {newest}:",
            "With EPT, CR3 loads of a guest that has paging on and INVLPG made no exit then, and make none now: nothing of the tables goes for them:",
            [.. modes.Select(mode => ($"{mode.Name()}@{old.Name}", $"{mode.Name()}@{newest.Name}", $"What the old kernel did otherwise. replay diff {mode.Name()}@{old.Name} {mode.Name()}@{newest.Name}:"))]);
    }
}
