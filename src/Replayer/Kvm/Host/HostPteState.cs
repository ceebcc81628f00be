namespace Replay.Replayer.Kvm.Host;

/// <summary>What the host's own page table says of one 4 KiB page.</summary>
public enum HostPteState : byte
{
    /// <summary>Never touched: the next access faults a page in.</summary>
    None = 0,

    /// <summary>The shared zero page, read-only: a write copies it.</summary>
    ZeroPage = 1,

    /// <summary>A private page.</summary>
    Private = 2,

    /// <summary>A frame shared with somebody (merged by KSM), read-only: a write copies it.</summary>
    Shared = 3,
}
