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
