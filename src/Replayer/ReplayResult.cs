using Replay.Replayer.Hardware;
using Replay.Replayer.Kvm;

namespace Replay.Replayer;

/// <summary>What a replay came to.</summary>
public sealed record ReplayResult
{
    /// <summary>Plain accesses replayed; accesses that are events count there.</summary>
    public required long Accesses { get; init; }

    public required long Events { get; init; }

    public required long FirstOrdinal { get; init; }

    public required long LastOrdinal { get; init; }

    public required int Exits { get; init; }

    public required int Faults { get; init; }

    public required int Writes { get; init; }

    /// <summary>Table entries that walks read, the guest's and KVM's; walks that the TLB spared are not in it.</summary>
    public required long WalkReferences { get; init; }

    /// <summary>How often each <see cref="History.ModelNote"/> occurred, by its number.</summary>
    public required IReadOnlyList<long> NoteCounts { get; init; }

    public required VerifyTotals Verify { get; init; }

    public required KvmStats Stats { get; init; }

    /// <summary>32 hexadecimal digits.</summary>
    public required string HistoryHash { get; init; }
}
