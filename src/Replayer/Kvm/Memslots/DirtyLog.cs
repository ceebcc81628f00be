using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>Finds out which pages of a slot the guest writes: by write faults, by the CPU's own log (PML), and by reading the result.</summary>
internal sealed class DirtyLog(KvmVm vm)
{
    private const ulong PagesPerHugePage = 512;

    /// <summary>Reads the slot's log and clears it; the pages it named will be logged again when they are written again.</summary>
    /// <returns>The log, 64 pages a word; null where the slot keeps none.</returns>
    /// <remarks>KVM: kvm_get_dirty_log_protect(). The buffers of the CPUs have been taken over before.</remarks>
    public ulong[]? Get(Memslot slot)
    {
        if (slot.DirtyBitmap is not { } bitmap)
            return null;
        using var scope = vm.Journal.Enter(KvmFunction.KvmGetDirtyLogProtect);
        var log = bitmap.Words.ToArray();
        // Userspace clears what it has read, and that protects.
        if (vm.ManualDirtyLog.Protect)
            return log;
        var flush = false;
        for (var word = 0; word < log.Length; word++)
        {
            if (log[word] == 0)
                continue;
            flush = true;
            EnableLogMasked(slot, (ulong)word * 64, bitmap.Take(word));
        }

        if (flush)
            vm.Tlb.FlushRemoteMemslot(slot);
        return log;
    }

    /// <summary>Takes pages out of the slot's log; they will be logged again when they are written again.</summary>
    /// <param name="slot">The slot.</param>
    /// <param name="first">The first page of the slot, a multiple of 64.</param>
    /// <param name="count">How many.</param>
    /// <returns>False: the slot keeps no log.</returns>
    /// <remarks>KVM: kvm_clear_dirty_log_protect(); the dirty ring's kvm_reset_dirty_gfn() comes to the same.</remarks>
    public bool Clear(Memslot slot, ulong first, ulong count)
    {
        if (slot.DirtyBitmap is not { } bitmap || !vm.Kernel.HasManualDirtyLog)
            return false;
        using var scope = vm.Journal.Enter(KvmFunction.KvmClearDirtyLogProtect);
        var flush = false;
        for (var page = first; page < first + count; page += 64)
        {
            var left = first + count - page;
            var mask = bitmap.Take((int)(page / 64), left < 64 ? (1UL << (int)left) - 1 : ulong.MaxValue);
            if (mask == 0)
                continue;
            flush = true;
            EnableLogMasked(slot, page, mask);
        }

        if (flush)
            vm.Tlb.FlushRemoteMemslot(slot);
        return true;
    }

    /// <summary>The slot's flags changed from <paramref name="old"/> to <paramref name="updated"/>.</summary>
    /// <remarks>KVM: kvm_mmu_slot_apply_flags().</remarks>
    public void ApplyFlags(Memslot? old, Memslot? updated, MemslotOperation operation)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSlotApplyFlags);
        var was = old is { LogsDirty: true };
        var logs = updated is { LogsDirty: true };
        if (operation != MemslotOperation.FlagsOnly || updated!.ReadOnly || was == logs)
            return;
        if (logs)
            Enable(updated);
        else
            ZapCollapsible(updated);
    }

    private void Enable(Memslot slot)
    {
        // Nothing needs protection while everything counts as dirty.
        if (vm.ManualDirtyLog.InitiallySet)
            return;
        if (vm.Profile.EagerPageSplit && vm.TdpMmuEnabled)
        {
            using var split = vm.Journal.Enter(KvmFunction.KvmMmuSlotTrySplitHugePages);
            vm.Backends.TrySplitHugePages(slot, slot.BaseGfn, slot.EndGfn, shared: true);
        }

        if (vm.CpuDirtyLog)
        {
            LeafClearDirty(slot);
            RemoveWriteAccess(slot, PgLevel.Size2M);
        }
        else
            RemoveWriteAccess(slot, PgLevel.Size4K);
        vm.Tlb.FlushRemoteMemslot(slot);
    }

    /// <remarks>KVM: kvm_mmu_slot_leaf_clear_dirty().</remarks>
    private void LeafClearDirty(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSlotLeafClearDirty);
        vm.Backends.ClearDirtySlot(slot);
    }

    /// <remarks>KVM: kvm_mmu_slot_remove_write_access().</remarks>
    private void RemoveWriteAccess(Memslot slot, int startLevel)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuSlotRemoveWriteAccess);
        vm.Backends.WriteProtectSlot(slot, startLevel);
    }

    /// <remarks>KVM: kvm_mmu_zap_collapsible_sptes().</remarks>
    private void ZapCollapsible(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapCollapsibleSptes);
        vm.Backends.ZapCollapsible(slot);
    }

    /// <remarks>KVM: kvm_arch_mmu_enable_log_dirty_pt_masked().</remarks>
    private void EnableLogMasked(Memslot slot, ulong gfnOffset, ulong mask)
    {
        using var outer = vm.Journal.Enter(KvmFunction.KvmArchMmuEnableLogDirtyPtMasked);
        if (vm.ManualDirtyLog.InitiallySet)
            ProtectHugePages(slot, slot.BaseGfn + gfnOffset, mask);
        using var scope = vm.Journal.Enter(
            vm.CpuDirtyLog ? KvmFunction.KvmMmuClearDirtyPtMasked : KvmFunction.KvmMmuWriteProtectPtMasked);
        vm.Backends.ClearDirtyMasked(slot, gfnOffset, mask, writeProtect: !vm.CpuDirtyLog);
    }

    /// <summary>Logging began without protecting anything: huge pages are split, or at their first write.</summary>
    private void ProtectHugePages(Memslot slot, ulong gfn, ulong mask)
    {
        var start = gfn + (ulong)System.Numerics.BitOperations.TrailingZeroCount(mask);
        var end = gfn + (ulong)System.Numerics.BitOperations.Log2(mask);
        if (vm.Profile.EagerPageSplit && vm.TdpMmuEnabled)
        {
            using var split = vm.Journal.Enter(KvmFunction.KvmMmuTrySplitHugePages);
            vm.Backends.TrySplitHugePages(slot, start, vm.Kernel.ClearSplitsLastPage ? end + 1 : end, shared: false);
        }

        vm.Backends.WriteProtectGfn(slot, start, PgLevel.Size2M);
        if (AlignUp(start) != AlignUp(end))
            vm.Backends.WriteProtectGfn(slot, end, PgLevel.Size2M);
    }

    private static ulong AlignUp(ulong gfn) => (gfn + PagesPerHugePage - 1) & ~(PagesPerHugePage - 1);
}
