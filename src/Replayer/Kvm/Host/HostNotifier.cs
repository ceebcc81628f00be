using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm.Host;

/// <summary>What the host asks besides, before it takes memory back.</summary>
internal interface IHostNotifier : IMmuNotifier
{
    /// <summary>clear_young: no flush, the bits that CPUs have cached come back late. Reclaim asks with a flush.</summary>
    /// <returns>A page of the range had been accessed.</returns>
    bool ClearYoung(ulong start, ulong end, bool flush = false);

    /// <returns>A page of the range has been accessed.</returns>
    bool TestYoung(ulong start, ulong end);
}

/// <summary>KVM's ear in the host's memory management: keeps its tables from mapping what the host takes away.</summary>
/// <remarks>KVM: kvm_mmu_notifier_ops, __kvm_handle_hva_range() and the kvm_*_gfn() handlers behind them.</remarks>
internal sealed class HostNotifier(KvmVm vm) : IHostNotifier
{
    /// <summary>The kernel's way of it.</summary>
    public static IHostNotifier Of(KvmVm vm, EarlyRmaps rmaps) => vm.Kernel.NotifierTakesRanges ? new HostNotifier(vm) : new PagewiseNotifier(vm, rmaps);

    /// <summary>KVM counts an invalidation only where it meets a memslot.</summary>
    /// <remarks>KVM: kvm_mmu_notifier_invalidate_range_start(), kvm_unmap_gfn_range().</remarks>
    public void InvalidateRangeStart(ulong start, ulong end)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmUnmapGfnRange);
        var flush = false;
        var begun = false;
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (!TryClip(slot, start, end, out var startGfn, out var endGfn))
                continue;
            if (!begun)
                vm.Invalidation.Begin();
            begun = true;
            flush = vm.Backends.UnmapRange(slot, startGfn, endGfn, flush);
        }

        FlushIf(flush);
    }

    /// <remarks>KVM: kvm_mmu_notifier_invalidate_range_end().</remarks>
    public void InvalidateRangeEnd(ulong start, ulong end)
    {
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (!TryClip(slot, start, end, out _, out _))
                continue;
            vm.Invalidation.End();
            return;
        }
    }

    /// <remarks>KVM: kvm_mmu_notifier_change_pte(), kvm_set_spte_gfn().</remarks>
    public void ChangePte(ulong hva, ulong newPfn, bool writable)
    {
        if (vm.Invalidation.InProgress == 0 || !vm.Kernel.HasChangePte)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetSpteGfn);
        var flush = false;
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (slot.IsInvalid || !TryClip(slot, hva, hva + 1, out var gfn, out _))
                continue;
            flush |= vm.Backends.SetSpteGfn(slot, gfn, newPfn, writable);
        }

        FlushIf(flush);
    }

    /// <inheritdoc/>
    /// <remarks>KVM: kvm_mmu_notifier_clear_young(), kvm_mmu_notifier_clear_flush_young(), kvm_age_gfn().</remarks>
    public bool ClearYoung(ulong start, ulong end, bool flush = false)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmAgeGfn);
        var young = false;
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (!TryClip(slot, start, end, out var startGfn, out var endGfn))
                continue;
            young |= vm.Backends.Age(slot, startGfn, endGfn);
        }

        FlushIf(flush && young);
        return young;
    }

    /// <inheritdoc/>
    /// <remarks>KVM: kvm_mmu_notifier_test_young(), kvm_test_age_gfn().</remarks>
    public bool TestYoung(ulong start, ulong end)
    {
        var young = false;
        foreach (var slot in vm.Memslots.ByHva)
        {
            if (!TryClip(slot, start, end, out var startGfn, out var endGfn))
                continue;
            young |= vm.Backends.TestAge(slot, startGfn, endGfn);
        }

        return young;
    }

    private void FlushIf(bool flush)
    {
        if (!flush)
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmFlushRemoteTlbs);
        vm.Tlb.FlushRemote();
    }

    /// <summary>The gfns of the slot whose host memory is in [start, end).</summary>
    private static bool TryClip(Memslot slot, ulong start, ulong end, out ulong startGfn, out ulong endGfn)
    {
        var slotEnd = slot.Hva + (slot.PageCount << 12);
        start = Math.Max(start, slot.Hva);
        end = Math.Min(end, slotEnd);
        if (start >= end)
        {
            startGfn = endGfn = 0;
            return false;
        }

        startGfn = slot.HvaToGfn(start);
        endGfn = slot.HvaToGfn(end + 4095);
        return true;
    }
}
