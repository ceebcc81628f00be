namespace Replay.Replayer.Kvm.Mmu.Shadow;

/// <summary>Bits of guest page-table entries, and the rights in them in KVM's form.</summary>
internal static class GuestPte
{
    public const ulong Present = 1UL << 0;
    public const ulong Writable = 1UL << 1;
    public const ulong User = 1UL << 2;
    public const uint Accessed = 1u << 5;
    public const uint Dirty = 1u << 6;
    public const ulong PageSize = 1UL << 7;
    public const ulong NoExecute = 1UL << 63;
    public const int ProtectionKeyShift = 59;

    /// <summary>Execution is allowed where P is set and NX is not.</summary>
    /// <remarks>KVM: FNAME(gpte_access)().</remarks>
    public static PteAccess Access(ulong gpte) =>
        (PteAccess)(((gpte & (Present | Writable | User)) ^ (gpte >> 63)) & (ulong)PteAccess.All);
}
