namespace Replay.Replayer.Kvm.Host;

/// <summary>Where the host stands in taking memory away from the guest (the MMU notifier's begin and end).</summary>
/// <remarks>KVM: mmu_invalidate_seq, mmu_invalidate_in_progress; kvm_mmu_invalidate_begin(), kvm_mmu_invalidate_end().</remarks>
public sealed class MmuInvalidation
{
    public ulong Sequence { get; private set; }

    public int InProgress { get; private set; }

    public void Begin() => InProgress++;

    /// <summary>A mapping changed at once, with no time between.</summary>
    public void Count() => Sequence++;

    public void End()
    {
        Sequence++;
        InProgress--;
        Invariant.Holds(InProgress >= 0, "an MMU-notifier invalidation ended that had not begun");
    }

    /// <summary>A frame looked up at <paramref name="sequence"/> may have been taken away since.</summary>
    /// <remarks>KVM: mmu_invalidate_retry_hva(), without its narrowing to the range.</remarks>
    public bool MustRetry(ulong sequence) => InProgress > 0 || Sequence != sequence;
}
