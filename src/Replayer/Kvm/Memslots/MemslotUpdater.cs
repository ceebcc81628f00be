using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;
using Replay.Trace;

namespace Replay.Replayer.Kvm;

/// <summary>Creates, changes and deletes memslots as userspace asks, and takes along what the MMU made of the old ones.</summary>
/// <remarks>KVM: __kvm_set_memory_region(), kvm_set_memslot().</remarks>
internal class MemslotUpdater(KvmVm vm, DirtyLog dirtyLog, Recycler recycler)
{
    private const ulong PageMask = 0xfff;
    private const ulong HugeFrame = 1UL << 30;

    /// <summary>Host-virtual addresses end where the frames behind them would meet those of table pages.</summary>
    private const ulong EndOfHostMemory = (TablePages.FirstPfn - Host.HostMemory.FirstPfn) << 12;

    private readonly Memslots _slots = vm.Memslots;

    /// <summary>The kernel's way of it.</summary>
    public static MemslotUpdater Of(KvmVm vm, DirtyLog dirtyLog, ShadowMmu mmu) => vm.Kernel.ProtectsSlotsByRmaps
        ? new MemslotUpdater(vm, dirtyLog, mmu.Recycler)
        : new EarlyMemslotUpdater(vm, dirtyLog, mmu.Recycler, mmu.EarlyRmaps);

    /// <summary>Does what the ioctl does. Where KVM would refuse and a VMM would delete the slot first, that is done.</summary>
    public MemslotResult Set(MemslotChange change)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetMemoryRegion);
        if (change.ReadOnly && !vm.Kernel.HasReadOnlySlots)
            change = change with { ReadOnly = false };
        if (((change.Gpa | change.Size | change.HvaOffset) & PageMask) != 0 || change.Gpa + change.Size < change.Gpa)
            return MemslotResult.Invalid;
        if (change.Slot is < 0 or >= PrivateMemslots.First)
            return MemslotResult.Invalid;
        var old = _slots.FindById(change.Slot);
        if (change.Size == 0)
            return old is null ? MemslotResult.Invalid : Delete(old);

        var baseGfn = change.Gpa >> 12;
        var pageCount = change.Size >> 12;
        if (baseGfn + pageCount - 1 > vm.MaxGfn)
            return MemslotResult.Invalid;
        if (_slots.FindOverlap(baseGfn, baseGfn + pageCount, change.Slot) is not null)
            return MemslotResult.Overlaps;
        if (old is not null && (old.PageCount != pageCount || old.ReadOnly != change.ReadOnly || !HasHostOffset(old, change)))
        {
            Delete(old);
            old = null;
        }

        if (old is null)
            return Create(change, baseGfn, pageCount);
        if (old.BaseGfn != baseGfn)
            Move(old, new Memslot(old.Id, baseGfn, pageCount, old.Hva, old.ReadOnly, change.LogDirty));
        else if (old.LogsDirty != change.LogDirty)
            SetLogDirty(old, change.LogDirty);
        return MemslotResult.Done;
    }

    /// <summary>A slot of KVM's own.</summary>
    /// <remarks>KVM: __x86_set_memory_region().</remarks>
    public void CreatePrivate(int id, ulong gpa, ulong size)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmSetMemoryRegion);
        var result = Create(new MemslotChange { Slot = id, Gpa = gpa, Size = size }, gpa >> 12, size >> 12);
        Invariant.Holds(result == MemslotResult.Done, $"private memslot {id}: {result}");
    }

    /// <summary>Switches dirty logging of a slot.</summary>
    /// <remarks>KVM: kvm_update_flags_memslot().</remarks>
    public void SetLogDirty(Memslot slot, bool logDirty)
    {
        var updated = slot.WithLogDirty(logDirty);
        BeginLog(updated);
        Replace(slot, updated, MemslotOperation.FlagsOnly);
    }

    private MemslotResult Create(MemslotChange change, ulong baseGfn, ulong pageCount)
    {
        if (!TryFindHostMemory(change, out var hva))
            return MemslotResult.NoHostMemory;
        var slot = new Memslot(change.Slot, baseGfn, pageCount, hva, change.ReadOnly, change.LogDirty);
        BeginLog(slot);
        Replace(null, slot, MemslotOperation.Create);
        return MemslotResult.Done;
    }

    /// <remarks>KVM: kvm_prepare_memory_region().</remarks>
    private void BeginLog(Memslot slot)
    {
        if (vm.ManualDirtyLog.InitiallySet)
            slot.DirtyBitmap?.SetAll();
    }

    private MemslotResult Delete(Memslot old)
    {
        Invalidate(old);
        Replace(old, null, MemslotOperation.Delete);
        return MemslotResult.Done;
    }

    private void Move(Memslot old, Memslot moved)
    {
        Invalidate(old);
        Replace(old, moved, MemslotOperation.Move);
    }

    /// <summary>From here on no fault maps anything of the slot, and what was mapped is gone, for the whole VM.</summary>
    /// <remarks>KVM: kvm_invalidate_memslot(), kvm_arch_flush_shadow_memslot().</remarks>
    protected virtual void Invalidate(Memslot old)
    {
        old.IsInvalid = true;
        Swap(null, null);
        using var scope = vm.Journal.Enter(KvmFunction.KvmArchFlushShadowMemslot);
        if (vm.Kernel.HasSlotZapQuirk && !vm.Profile.SlotZapQuirk)
            ZapMemslot(old);
        else
            ZapAllFast();
    }

    /// <summary>One slot takes the place of another, and what that means for dirty logging.</summary>
    protected virtual void Replace(Memslot? old, Memslot? updated, MemslotOperation operation)
    {
        Swap(old, updated);
        dirtyLog.ApplyFlags(old, updated, operation);
    }

    /// <summary>The slot's mappings go, and the shadow pages of guest tables that lie in it; the rest of the VM keeps its tables.</summary>
    /// <remarks>KVM: kvm_mmu_zap_memslot(), kvm_mmu_zap_memslot_pages_and_flush().</remarks>
    private void ZapMemslot(Memslot slot)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapMemslot);
        bool flush;
        using (vm.Journal.Enter(KvmFunction.KvmUnmapGfnRange))
            flush = vm.Backends.UnmapRange(slot, slot.BaseGfn, slot.EndGfn, flush: false);
        using var pages = vm.Journal.Enter(KvmFunction.KvmMmuZapMemslotPagesAndFlush);
        recycler.ZapShadowsOf(slot, flush);
    }

    /// <remarks>KVM: kvm_swap_active_memslots(), kvm_arch_memslots_updated().</remarks>
    private void Swap(Memslot? old, Memslot? updated)
    {
        _slots.BeginSwap();
        _slots.Replace(old, updated);
        InvalidateMmioEntries(_slots.NextGeneration);
        _slots.EndSwap();
    }

    /// <remarks>KVM: kvm_mmu_invalidate_mmio_sptes().</remarks>
    private void InvalidateMmioEntries(ulong generation)
    {
        if (!MmioGeneration.WrapsAround(generation))
            return;
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuInvalidateMmioSptes);
        ZapAllFast();
    }

    /// <remarks>KVM: kvm_mmu_zap_all_fast().</remarks>
    private void ZapAllFast()
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuZapAllFast);
        vm.Journal.Root(RootOperation.ObsoleteAll, 0, vm.ValidGeneration);
        vm.Backends.Invalidate();
        vm.MakeAllCpusRequest(VcpuRequests.MmuFreeObsoleteRoots);
        vm.Backends.ZapInvalidated();
    }

    private static bool HasHostOffset(Memslot slot, MemslotChange change) => slot.Hva % HugeFrame == change.HvaOffset % HugeFrame;

    /// <summary>
    /// Host memory at the capture's offset inside a 1 GiB frame: in the frame of the gpa itself if it is free, so that frame numbers
    /// show gfns, otherwise in the first that is.
    /// </summary>
    private bool TryFindHostMemory(MemslotChange change, out ulong hva)
    {
        var offset = change.HvaOffset % HugeFrame;
        hva = (change.Gpa & ~(HugeFrame - 1)) + offset;
        for (var frame = 0UL; !IsFree(hva, change.Size); frame += HugeFrame)
        {
            hva = frame + offset;
            if (frame >= EndOfHostMemory)
                return false;
        }

        return true;
    }

    private bool IsFree(ulong hva, ulong size) =>
        hva + size <= EndOfHostMemory && size <= EndOfHostMemory && !_slots.HostRangeIsUsed(hva, size >> 12);
}
