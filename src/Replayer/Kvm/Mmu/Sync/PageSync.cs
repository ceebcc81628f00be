using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Has single pages brought in step with the guest's tables.</summary>
internal sealed class PageSync(KvmVm vm, PerForm<IGpteSync> syncs, Zapper zapper)
{
    /// <summary>Syncs one page, or zaps it where that cannot be done.</summary>
    /// <returns>As <see cref="IGpteSync.SyncPage"/>.</returns>
    /// <remarks>KVM: kvm_sync_page().</remarks>
    public int SyncPage(KvmVcpu vcpu, ShadowPage page, ref ZapList invalid)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmSyncPage);
        var synced = syncs.Of(vcpu.Mmu)?.SyncPage(vcpu, page) ?? -1;
        if (synced < 0)
            zapper.PrepareZapPage(page, ref invalid);
        return synced;
    }
}
