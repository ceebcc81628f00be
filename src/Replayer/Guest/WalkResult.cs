namespace Replay.Replayer.Guest;

/// <summary>What a walk found.</summary>
internal struct WalkResult
{
    /// <summary>The physical address, where it ended as <see cref="WalkStatus.Mapped"/>.</summary>
    public ulong Address;

    /// <summary>The rights of all entries, where it ended as <see cref="WalkStatus.Mapped"/>.</summary>
    public PageRights Rights;

    /// <summary>Where it ended as <see cref="WalkStatus.Fault"/>.</summary>
    public PageFaultCode ErrorCode;
}
