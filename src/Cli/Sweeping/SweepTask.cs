using System.Security.Cryptography;
using System.Text.Json;
using Replay.Cli.Replaying;

namespace Replay.Cli.Sweeping;

/// <summary>One replay of a sweep: a guest, and all that is varied.</summary>
internal sealed record SweepTask
{
    /// <summary>Its place in the sweep, from 0.</summary>
    public int Number { get; init; }

    /// <summary>Hash of all that decides about its answer; the same on every machine, and the name of its result.</summary>
    public string Key { get; init; } = "";

    /// <summary>What reports call the guest: the capture's name, or workload, seed and knobs.</summary>
    public required string Guest { get; init; }

    /// <summary>SHA-256 of the capture's manifest; of a workload empty.</summary>
    public string Identity { get; init; } = "";

    /// <summary>Path of the capture; null: it is made of the workload.</summary>
    public string? Capture { get; init; }

    public string? Workload { get; init; }

    public ulong Seed { get; init; }

    public long? MaxAccesses { get; init; }

    public SortedDictionary<string, string> Knobs { get; init; } = new(StringComparer.Ordinal);

    public required string Mmu { get; init; }

    public required string Kernel { get; init; }

    /// <summary>Empty: by mode.</summary>
    public string Host { get; init; } = "";

    public string HostPages { get; init; } = "4k";

    /// <summary>Of kvm, with spaces between.</summary>
    public string ModuleParams { get; init; } = "";

    /// <summary>Path of the file; empty: none.</summary>
    public string HostEvents { get; init; } = "";

    /// <summary>SHA-256 of the file.</summary>
    public string HostEventsHash { get; init; } = "";

    /// <summary>Accesses that will be replayed, as far as that is known before.</summary>
    public long? Accesses { get; init; }

    public SweepTask WithKey(string detail)
    {
        var identity = JsonSerializer.SerializeToUtf8Bytes(
            (object?[])[Identity, Workload, Seed, MaxAccesses, Knobs, Mmu, Kernel, Host, HostPages, ModuleParams, HostEventsHash, detail, StoredReplay.ModelVersion]);
        return this with { Key = Convert.ToHexStringLower(SHA256.HashData(identity).AsSpan(0, 10)) };
    }

    /// <summary>The name of a dimension and its value.</summary>
    public string Value(string dimension) => dimension switch
    {
        "guest" => Guest,
        "mmu" => Mmu,
        "kernel" => Kernel,
        "host" => Host,
        "host-pages" => HostPages,
        "module-param" => ModuleParams,
        "host-events" => HostEvents.Length == 0 ? "" : Path.GetFileName(HostEvents),
        _ => throw new UsageException($"a sweep has no dimension '{dimension}': choose from {string.Join(", ", Dimensions)}."),
    };

    public static IReadOnlyList<string> Dimensions { get; } = ["guest", "mmu", "kernel", "host", "host-pages", "module-param", "host-events"];
}
