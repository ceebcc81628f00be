namespace Replay.Replayer.Kvm.Host;

/// <summary>What the host's memory management tells KVM before and after it changes its own page tables. Addresses are host-virtual.</summary>
/// <remarks>KVM: kvm_mmu_notifier_ops.</remarks>
public interface IMmuNotifier
{
    /// <summary>Translations of [start, end) are about to change: KVM drops its own.</summary>
    void InvalidateRangeStart(ulong start, ulong end);

    /// <summary>The change is done.</summary>
    void InvalidateRangeEnd(ulong start, ulong end);

    /// <summary>Another frame takes the place at one page; between start and end of an invalidation where the host makes one.</summary>
    void ChangePte(ulong hva, ulong newPfn, bool writable);
}
