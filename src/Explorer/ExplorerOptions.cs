using System.Net;

namespace Replay.Explorer;

/// <summary>What is served, where, and to whom.</summary>
public sealed record ExplorerOptions
{
    public const int DefaultPort = 7171;

    /// <summary>Database files, in the order in which their runs are listed.</summary>
    public required IReadOnlyList<string> Databases { get; init; }

    /// <summary>Where it listens. Anything but a loopback address needs <see cref="Token"/>.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>0: any free one. Null: <see cref="DefaultPort"/>, or any free one where that is taken.</summary>
    public int? Port { get; init; }

    /// <summary>What a browser must show once; null: whoever reaches a loopback address may look.</summary>
    public string? Token { get; init; }

    /// <summary>
    /// Names, besides the address itself, by which browsers may call this host, the first of which is told where it listens on all addresses; with a port where
    /// another one is forwarded.
    /// </summary>
    public IReadOnlyList<string> HostNames { get; init; } = [];

    /// <summary>The function at an address of the guest, in the address space of a CR3 or in any, or null; null itself: instructions are numbers.</summary>
    public Func<ulong, ulong?, string?>? Symbols { get; init; }

    /// <summary>Rows of a query's answer, at most. What is cut off is told.</summary>
    public long MaxRows { get; init; } = 10_000;

    /// <summary>Time of a query, at most.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);
}
