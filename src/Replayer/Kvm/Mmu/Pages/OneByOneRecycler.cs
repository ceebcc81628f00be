using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Takes pages out of use one at a time, roots as any other: those stay until their vCPUs have let go of them.</summary>
internal sealed class OneByOneRecycler(KvmVm vm, ActivePages active, ShadowPageHash hash, Zapper zapper) : Recycler(vm, active, hash, zapper)
{
    private readonly KvmVm _vm = vm;
    private readonly ActivePages _active = active;
    private readonly Zapper _zapper = zapper;

    /// <remarks>KVM: kvm_mmu_free_some_pages(), __kvm_mmu_free_some_pages().</remarks>
    public override bool MakePagesAvailable()
    {
        if (AvailablePages >= MinFreePages)
            return true;
        using var scope = _vm.Journal.Enter(KvmFunction.MakeMmuPagesAvailable);
        var invalid = default(ZapList);
        // A root goes to the head of the list and does not count: where roots are all there is, KVM would go round for ever.
        for (var left = _active.UsedCount; left > 0 && AvailablePages < RefillPages && _active.Oldest is { } oldest; left--)
        {
            _zapper.PrepareZapPage(oldest, ref invalid);
            _vm.Stats.MmuRecycled++;
        }

        _zapper.CommitZapPage(ref invalid);
        return true;
    }

    /// <summary>From the head of the list again after each page that went: roots that were zapped, which stay there, are met as often.</summary>
    /// <remarks>KVM: kvm_mmu_zap_all().</remarks>
    public override void ZapAll()
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmMmuZapAll);
        var invalid = default(ZapList);
        for (var page = _active.Newest; page is not null;)
        {
            var older = page.LinkNext;
            page = _zapper.PrepareZapPage(page, ref invalid) > 0 ? _active.Newest : older;
        }

        _zapper.CommitZapPage(ref invalid);
    }
}
