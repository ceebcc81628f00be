using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>Finds out which pages of a slot the guest writes: by write faults, by the CPU's own log (PML), and by reading the result.</summary>
internal sealed class DirtyLog(KvmVm vm)
{
    /// <summary>Reads the slot's log and clears it; the pages it named will be logged again when they are written again.</summary>
    /// <returns>The log, 64 pages a word; null where the slot keeps none.</returns>
    /// <remarks>KVM: kvm_get_dirty_log_protect(). The buffers of the CPUs have been taken over before.</remarks>
    public ulong[]? Get(Memslot slot)
    {
        if (slot.DirtyBitmap is not { } bitmap)
            return null;
        using var scope = vm.Journal.Enter(KvmFunction.KvmGetDirtyLogProtect);
        var log = bitmap.Words.ToArray();
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
        if (vm.Profile.EagerPageSplit && vm.TdpMmuEnabled)
        {
            using var split = vm.Journal.Enter(KvmFunction.KvmMmuSlotTrySplitHugePages);
            vm.TdpMmu.TrySplitHugePages(slot.BaseGfn, slot.EndGfn, PgLevel.Size4K, shared: true);
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
        using var scope = vm.Journal.Enter(
            vm.CpuDirtyLog ? KvmFunction.KvmMmuClearDirtyPtMasked : KvmFunction.KvmMmuWriteProtectPtMasked);
        vm.Backends.ClearDirtyMasked(slot, gfnOffset, mask, writeProtect: !vm.CpuDirtyLog);
    }
}
