namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Bits of a page-fault error code as KVM hands it to its MMU.</summary>
/// <remarks>KVM: the PFERR_* masks. SDM, "Page-Fault Exceptions"; APM, "Nested versus Guest Page Faults".</remarks>
public static class PageFaultError
{
    public const ulong Present = 1UL << 0;
    public const ulong Write = 1UL << 1;
    public const ulong User = 1UL << 2;
    public const ulong Reserved = 1UL << 3;
    public const ulong Fetch = 1UL << 4;
    public const ulong ProtectionKey = 1UL << 5;

    /// <summary>The fault is on the final translation of the second dimension.</summary>
    public const ulong GuestFinal = 1UL << 32;

    /// <summary>The fault is on the translation of a guest page table.</summary>
    public const ulong GuestPage = 1UL << 33;

    /// <summary>An access that the CPU makes itself at supervisor privilege.</summary>
    public const ulong Implicit = 1UL << 48;

    public const ulong NestedGuestPage = GuestPage | Write | Present;
}
