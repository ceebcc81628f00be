namespace Replay.Replayer.Kvm;

/// <summary>What a memslot ioctl turns out to be.</summary>
/// <remarks>KVM: enum kvm_mr_change.</remarks>
public enum MemslotOperation : byte
{
    /// <summary>Nothing changes.</summary>
    None = 0,
    Create = 1,
    Delete = 2,
    Move = 3,
    FlagsOnly = 4,
}
