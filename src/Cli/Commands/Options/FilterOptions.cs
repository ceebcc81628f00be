using System.CommandLine;
using System.Numerics;
using Replay.Trace;

namespace Replay.Cli.Commands;

/// <summary>The page filter of recordings.</summary>
internal static class FilterOptions
{
    private const long DefaultEpochLength = 1 << 20;

    public static Option<int?> Entries() => new("--filter")
    {
        Description = "Drop accesses that the last N distinct pages already show; a power of two, such as 1024",
        HelpName = "N",
    };

    public static Option<long> EpochLength() => new("--epoch")
    {
        Description = $"Forget the filter every N ordinals (default {DefaultEpochLength})",
        HelpName = "N",
        DefaultValueFactory = _ => DefaultEpochLength,
    };

    public static FilterRule? Rule(int? entries, long epochLength)
    {
        if (entries is null)
            return null;
        if (entries < 16 || entries > 1 << 20 || !BitOperations.IsPow2(entries.Value))
            throw new UsageException($"--filter {entries}: a power of two from 16 to {1 << 20}.");
        if (epochLength < 1024)
            throw new UsageException($"--epoch {epochLength}: at least 1024.");
        return new FilterRule { Entries = entries.Value, EpochLength = epochLength };
    }
}
