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
        ["fork-storm"] = [("iterations", "3"), ("pages", "40")],
        ["context-switch-storm"] = [("iterations", "120")],
        ["memslot-modification"] = [("iterations", "4"), ("pages", "48")],
        ["mmio"] = [("iterations", "60"), ("memslot-every", "10")],
        ["huge-pages"] = [("memory", "128M"), ("iterations", "8"), ("touches", "100"), ("large-pages", "3")],
        ["unsync-churn"] = [("iterations", "25")],
        ["nonpaging"] = [("operations", "2000")],
        ["zipf"] = [("accesses", "20000"), ("pages", "64")],
        ["mode-switch"] = [("iterations", "2"), ("touches", "80")],
        ["random"] = [("operations", "1500"), ("host-percent", "1")],
        ["sequential"] = [("accesses", "20000"), ("pages", "64")],
    };

    public static SyntheticOptions Of(string workload, string paging, ulong seed = 1, params (string Knob, string Value)[] further)
    {
        var knobs = new Dictionary<string, string>(StringComparer.Ordinal) { ["memory"] = "32M" };
        if (WorkloadRegistry.Find(workload).Modes.Count > 1)
            knobs["paging"] = paging;
        foreach (var (knob, value) in Knobs[workload])
            knobs[knob] = value;
        foreach (var (knob, value) in further)
            knobs[knob] = value;
        return new SyntheticOptions { Workload = workload, Seed = seed, Knobs = knobs };
    }
}
