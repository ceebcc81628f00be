using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm.Host;

/// <summary>KVM's ear in the host's memory management, where it takes page by page.</summary>
/// <remarks>KVM: kvm_mmu_notifier_ops, kvm_handle_hva().</remarks>
internal sealed class PagewiseNotifier(KvmVm vm, EarlyRmaps rmaps) : IHostNotifier
{
    private delegate bool Handler(ref int head);

    /// <remarks>KVM: kvm_mmu_notifier_invalidate_range_start(), kvm_unmap_hva().</remarks>
    public void InvalidateRangeStart(ulong start, ulong end)
    {
        vm.Invalidation.Begin();
        using var scope = vm.Journal.Enter(KvmFunction.KvmUnmapHva);
        var flush = false;
        for (var hva = start & ~0xfffUL; hva < end; hva += 4096)
            flush |= Handle(hva, rmaps.Unmap);
        FlushIf(flush);
    }

    /// <remarks>KVM: kvm_mmu_notifier_invalidate_range_end().</remarks>
    public void InvalidateRangeEnd(ulong start, ulong end) => vm.Invalidation.End();

    /// <remarks>KVM: kvm_mmu_notifier_change_pte(), kvm_set_spte_hva().</remarks>
    public void ChangePte(ulong hva, ulong newPfn, bool writable)
    {
        vm.Invalidation.Count();
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetSpteHva);
        Handle(hva, (ref int head) =>
        {
            rmaps.SetPte(ref head, newPfn, writable);
            return false;
        });
    }

    /// <summary>There is no asking without a flush: each page that was used is flushed.</summary>
    /// <remarks>KVM: kvm_mmu_notifier_clear_flush_young(), kvm_age_hva().</remarks>
    public bool ClearYoung(ulong start, ulong end, bool flush = false)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmAgeHva);
        var young = false;
        for (var hva = start & ~0xfffUL; hva < end; hva += 4096)
        {
            var used = Handle(hva, rmaps.Age);
            FlushIf(used);
            young |= used;
        }

        return young;
    }

    /// <remarks>KVM: kvm_mmu_notifier_test_young(), kvm_test_age_hva().</remarks>
    public bool TestYoung(ulong start, ulong end)
    {
        var young = false;
        for (var hva = start & ~0xfffUL; hva < end; hva += 4096)
            young |= Handle(hva, (ref int head) => rmaps.TestAge(head));
        return young;
    }

    /// <summary>The reverse maps of the page behind an address, of each size.</summary>
    private bool Handle(ulong hva, Handler handler)
    {
        var did = false;
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (hva < slot.Hva || hva >= slot.Hva + (slot.PageCount << 12))
                continue;
            for (var level = PgLevel.Size4K; level <= PgLevel.MaxHugePage; level++)
                did |= handler(ref slot.Rmaps.Head(slot.HvaToGfn(hva), level));
        }

        return did;
    }

    private void FlushIf(bool flush)
    {
        if (!flush)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmFlushRemoteTlbs);
        vm.Tlb.FlushRemote();
    }
}
