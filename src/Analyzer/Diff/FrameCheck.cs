namespace Replay.Analyzer.Diff;

/// <summary>Whether both sides give the guest the same memory.</summary>
public sealed record FrameCheck
{
    /// <summary>Accesses whose translation was held against the guest-physical address in the capture, while each run was made.</summary>
    public required DiffPair Checked { get; init; }

    /// <summary>Of these, those that ended elsewhere. 0 on both sides: every such access reached the same guest frame in both.</summary>
    public required DiffPair Differing { get; init; }

    /// <summary>The final leaf entries of both sides were compared, guest frame by guest frame.</summary>
    public required bool ComparedFinalMappings { get; init; }

    /// <summary>Guest frames that both sides map in the end to one host frame.</summary>
    public long MappedAlike { get; init; }

    /// <summary>Guest frames that they map to two host frames.</summary>
    public long MappedDifferently { get; init; }

    public long MappedInAOnly { get; init; }

    public long MappedInBOnly { get; init; }

    /// <summary>The first guest frame that is mapped to two host frames, as <c>0x...</c>; null: there is none.</summary>
    public string? FirstDifferentGfn { get; init; }

    /// <summary>One sentence.</summary>
    public required string Verdict { get; init; }

    /// <summary>Nothing contradicts that both sides map every access to the same guest frame.</summary>
    public required bool Holds { get; init; }
}
