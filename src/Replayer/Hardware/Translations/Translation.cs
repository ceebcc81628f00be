using Replay.Replayer.Guest;
using Replay.Replayer.History;

namespace Replay.Replayer.Hardware;

/// <summary>What the CPU's translation of one access yields; which fields count is told by the <see cref="TranslationStatus"/>.</summary>
internal struct Translation
{
    /// <summary>Mapped, two-dimensional: the guest-physical address. Unknown table: the address of the entry.</summary>
    public ulong Gpa;

    /// <summary>Mapped: the host-physical address.</summary>
    public ulong Hpa;

    /// <summary>Mapped: entries of the guest's tables that were read; 0 in shadow paging.</summary>
    public int GuestReferences;

    /// <summary>Mapped: entries of KVM's tables that were read.</summary>
    public int KvmReferences;

    /// <summary>Page fault.</summary>
    public PageFaultCode ErrorCode;

    /// <summary>Exit.</summary>
    public ExitReason ExitReason;

    /// <summary>Exit: see <see cref="Kvm.VmExit.Info1"/>.</summary>
    public ulong ExitInfo1;

    /// <summary>Exit: see <see cref="Kvm.VmExit.Info2"/>.</summary>
    public ulong ExitInfo2;
}

/// <summary>How the CPU's translation of one access ended.</summary>
internal enum TranslationStatus : byte
{
    /// <summary>The access reaches memory.</summary>
    Mapped = 0,

    /// <summary>The CPU leaves the guest.</summary>
    Exit = 1,

    /// <summary>The CPU delivers #PF to the guest.</summary>
    PageFault = 2,

    /// <summary>The CPU delivers #GP to the guest: the address is not canonical.</summary>
    GeneralProtection = 3,

    /// <summary>The walk met a guest table whose content the capture never gave.</summary>
    UnknownTable = 4,

    /// <summary>The CPU runs nothing any more.</summary>
    Shutdown = 5,
}
