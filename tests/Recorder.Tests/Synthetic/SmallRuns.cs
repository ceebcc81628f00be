using Replay.Recorder.Synthetic;

namespace Replay.Recorder.Tests.Synthetic;

/// <summary>Every workload at a size for tests.</summary>
internal static class SmallRuns
{
    private static readonly Dictionary<string, (string Knob, string Value)[]> Knobs = new(StringComparer.Ordinal)
    {
        ["demand-paging"] = [("pages", "48"), ("iterations", "2")],
        ["dirty-log"] = [("pages", "64"), ("iterations", "2")],
        ["access-tracking"] = [("pages", "64")],
        ["page-table-churn"] = [("iterations", "60"), ("pages", "96")],
        ["self-map"] = [("iterations", "60"), ("pages", "96")],
        ["sequential"] = [("accesses", "20000"), ("pages", "64")],
    };

    public static SyntheticOptions Of(string workload, string paging, ulong seed = 1, params (string Knob, string Value)[] further)
    {
        var knobs = new Dictionary<string, string>(StringComparer.Ordinal) { ["paging"] = paging, ["memory"] = "32M" };
        foreach (var (knob, value) in Knobs[workload])
            knobs[knob] = value;
        foreach (var (knob, value) in further)
            knobs[knob] = value;
        return new SyntheticOptions { Workload = workload, Seed = seed, Knobs = knobs };
    }
}
