using Replay.Recorder.Synthetic;

namespace Replay.Replayer.Tests.Session;

/// <summary>Random guests: the seed decides paging mode, vCPUs and how often the host interferes.</summary>
internal static class RandomGuests
{
    private static readonly string[] Pagings = ["off", "32bit", "pae", "4level", "5level"];

    public static SyntheticOptions Options(ulong seed, bool togglesNx) => new()
    {
        Workload = "random",
        Seed = seed,
        Knobs = new Dictionary<string, string>
        {
            ["paging"] = Pagings[seed % (ulong)Pagings.Length],
            ["operations"] = "1500",
            ["vcpus"] = $"{1 + (seed % 3)}",
            ["host-percent"] = $"{seed % 3}",
            ["nx-toggle"] = togglesNx ? "true" : "false",
        },
    };
}
