namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Where a walk through a list of <see cref="PteLists"/> stands.</summary>
internal struct PteListCursor
{
    /// <summary>0 for a list of one entry.</summary>
    public int Descriptor { get; set; }

    public int Position { get; set; }
}
