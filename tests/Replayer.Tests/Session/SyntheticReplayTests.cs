using Replay.Recorder.Synthetic;
using Replay.Replayer.Tests.Hardware;

namespace Replay.Replayer.Tests.Session;

/// <summary>Every synthetic workload in every mode: the model's translation is the guest's at each access.</summary>
public sealed class SyntheticReplayTests
{
    private const long Accesses = 300_000;

    public static TheoryData<string, MmuMode> Runs()
    {
        var runs = new TheoryData<string, MmuMode>();
        foreach (var workload in WorkloadRegistry.All)
        {
            foreach (var mode in MmuModes.All)
                runs.Add(workload.Name, mode);
        }

        return runs;
    }

    /// <summary>A guest that clears EFER.NXE loses faults under shadow paging, as it does in KVM: see <see cref="RandomGuestTests"/>.</summary>
    private static Dictionary<string, string> Knobs(string workload, MmuMode mode) =>
        workload == "random" && mode == MmuMode.Shadow ? new() { ["nx-toggle"] = "false" } : [];

    [Theory]
    [MemberData(nameof(Runs))]
    public void No_translation_differs_and_nothing_is_left_unmodelled(string workload, MmuMode mode)
    {
        var history = new RecordedHistory();
        var source = new SyntheticSource(new SyntheticOptions { Workload = workload, MaxAccesses = Accesses, Knobs = Knobs(workload, mode) });

        var result = ReplaySession.Run(source, new ReplayOptions { Mode = mode }, history, cancellation: TestContext.Current.CancellationToken);

        Assert.True(history.Notes.Count == 0, $"{history.Notes.Count} notes, first {history.Notes.FirstOrDefault()}");
        Assert.Equal(0, result.Verify.Differing);
        Assert.True(result.Verify.Checked >= result.Accesses);
        Assert.NotEqual(0, result.Writes);
    }
}
