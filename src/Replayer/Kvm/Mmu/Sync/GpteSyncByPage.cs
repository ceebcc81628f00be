using Replay.Replayer.Kvm.Mmu.Shadow;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Up to Linux 6.3: all entries of a page are made anew, and INVLPG drops an entry and shadows the guest's at once.</summary>
internal sealed class GpteSyncByPage<TPtes>(
    KvmVm vm, SpteMaker maker, SpteStore sptes, Rmap rmap, LeafMapper leaves, Zapper zapper, GptePrefetch<TPtes> prefetch)
    : GpteSync<TPtes>(vm, maker, sptes, rmap, leaves, prefetch)
    where TPtes : struct, IGuestPtes
{
    private readonly KvmVm _vm = vm;
    private readonly GptePrefetch<TPtes> _prefetch = prefetch;

    /// <remarks>KVM: FNAME(sync_page)().</remarks>
    public override int SyncPage(KvmVcpu vcpu, ShadowPage page)
    {
        using var scope = _vm.Journal.Enter(TPtes.SyncFunction);
        if (!IsOfContext(vcpu, page))
            return -1;
        var flush = false;
        for (var index = 0; index < TablePage.EntryCount; index++)
        {
            if (page[index] == page.Empty)
                continue;
            if (!TryReadGpte(page, index, out var gpte))
                return -1;
            flush |= SyncEntry(vcpu, new Sptep(page, index), gpte, keepsSameAccess: false);
        }

        return flush ? 1 : 0;
    }

    /// <remarks>KVM: FNAME(invlpg)().</remarks>
    public override void Invlpg(KvmVcpu vcpu, ulong gva, TablePage? root)
    {
        using var scope = _vm.Journal.Enter(TPtes.InvlpgFunction);
        vcpu.Mmio.Clear(gva);
        for (var walk = ShadowWalk.From(vcpu, root, gva); walk.IsOkay; walk.Next())
        {
            var page = walk.Page;
            var entry = walk.Entry;
            var old = walk.Value;
            if (old.IsLast(walk.Level))
            {
                if (!page.Unsync)
                    return;
                zapper.ZapPte(entry);
                if (old.IsShadowPresent)
                    _vm.Tlb.FlushRemoteWithAddress(page.Gfn, PageLevels.PagesPerHugePage(page.Role.Level));
                if (!TryReadGpte(page, entry.Index, out var gpte))
                    return;
                _prefetch.Prefetch(vcpu, entry, gpte, noDirtyLog: false);
            }

            if (page.UnsyncChildren == 0)
                return;
        }
    }
}
