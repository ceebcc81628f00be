namespace Replay.Replayer.History;

/// <summary>
/// KVM tried to resolve a fault without its lock. Where it did, a write of the history says the same; where it did not, this is all
/// there is. It changes nothing and stays out of the history hash.
/// </summary>
/// <remarks>KVM: the tracepoint fast_page_fault.</remarks>
public readonly record struct FastFaultRecord
{
    /// <summary>Place of the record before it.</summary>
    public required long Seq { get; init; }

    public required long Ordinal { get; init; }

    /// <summary>The entry that the walk ended at.</summary>
    public required int TableId { get; init; }

    public required int Level { get; init; }

    public required int Index { get; init; }

    public required ulong Old { get; init; }

    public required ulong New { get; init; }

    /// <summary>Fixed, Spurious, or Invalid: the slow path goes on.</summary>
    public required RetPf Outcome { get; init; }

    public required int ChainId { get; init; }
}
