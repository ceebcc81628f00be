namespace Replay.Replayer.Hardware;

/// <summary>One slot of the software TLB.</summary>
internal struct TlbEntry
{
    /// <summary>See <see cref="SoftwareTlb"/>; 0 stands for empty.</summary>
    public ulong Key;

    /// <summary>Guest-physical address of the page.</summary>
    public ulong Gpa;
}
