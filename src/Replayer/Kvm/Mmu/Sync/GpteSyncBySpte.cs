using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Since Linux 6.4: one function syncs one entry, for pages as for INVLPG, and leaves alone what is right.</summary>
internal sealed class GpteSyncBySpte<TPtes>(
    KvmVm vm, SpteMaker maker, SpteStore sptes, Rmap rmap, LeafMapper leaves, Zapper zapper, GptePrefetch<TPtes> prefetch)
    : GpteSync<TPtes>(vm, maker, sptes, rmap, leaves, prefetch)
    where TPtes : struct, IGuestPtes
{
    private readonly KvmVm _vm = vm;

    /// <remarks>KVM: __kvm_sync_page(), which goes on when the guest's entry cannot be read, and has the page zapped in the end.</remarks>
    public override int SyncPage(KvmVcpu vcpu, ShadowPage page)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmSyncPageEntries);
        if (!IsOfContext(vcpu, page))
            return -1;
        var flush = 0;
        for (var index = 0; index < TablePage.EntryCount; index++)
            flush |= SyncSpte(vcpu, new Sptep(page, index));
        return flush;
    }

    /// <remarks>KVM: __kvm_mmu_invalidate_addr().</remarks>
    public override void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root)
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuInvalidateAddrOfRoot);
        vcpu.Mmio.Clear(gva);
        for (var walk = ShadowWalk.From(vcpu, root, gva); walk.IsOkay; walk.Next())
        {
            var entry = walk.Entry;
            if (entry.Page.Unsync)
            {
                var result = SyncSpte(vcpu, entry);
                if (result < 0)
                    zapper.ZapPte(entry);
                if (result != 0)
                    _vm.Tlb.FlushRemoteSptep(entry);
            }

            if (entry.Page.UnsyncChildren == 0)
                return;
        }
    }

    /// <returns>Below 0: the guest's entry cannot be read. Above 0: TLBs must be flushed.</returns>
    /// <remarks>KVM: kvm_sync_spte(), FNAME(sync_spte)().</remarks>
    private int SyncSpte(KvmVcpu vcpu, Sptep entry)
    {
        if (entry.Value == entry.Page.Empty)
            return 0;
        using var scope = _vm.Journal.Enter(TPtes.SyncSpteFunction);
        if (!TryReadGpte(entry.Page, entry.Index, out var gpte))
            return -1;
        return SyncEntry(vcpu, entry, gpte, keepsSameAccess: true) ? 1 : 0;
    }
}
