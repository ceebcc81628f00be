namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Access rights in KVM's own form.</summary>
/// <remarks>KVM: ACC_EXEC_MASK, ACC_WRITE_MASK, ACC_USER_MASK.</remarks>
[Flags]
public enum PteAccess : byte
{
    None = 0,
    Exec = 1,
    Write = 2,
    User = 4,
    All = Exec | Write | User,
}
