using Replay.Replayer.History;
using Replay.Replayer.Kvm.Mmu;

namespace Replay.Replayer.Kvm;

/// <summary>Changes memslots where MMIO entries have no generation and slots are protected page by page: every change goes through all pages.</summary>
internal sealed class EarlyMemslotUpdater(KvmVm vm, DirtyLog dirtyLog, Recycler recycler, EarlyRmaps rmaps) : MemslotUpdater(vm, dirtyLog, recycler)
{
    private readonly KvmVm _vm = vm;

    /// <summary>Where each slot was last. A slot that is made again in the same place, or first at gfn 0, leaves MMIO entries as they are.</summary>
    private readonly Dictionary<int, ulong> _lastBase = [];

    /// <summary>
    /// A slot that is moved was not marked, and its reverse maps were looked for in vain: such a kernel would die of it. Here it goes first.
    /// </summary>
    /// <remarks>KVM: __kvm_set_memory_region(), kvm_arch_flush_shadow().</remarks>
    protected override void Invalidate(Memslot old)
    {
        old.IsInvalid = true;
        FlushShadow();
    }

    /// <remarks>KVM: __kvm_set_memory_region(), update_memslots(), kvm_arch_commit_memory_region().</remarks>
    protected override void Replace(Memslot? old, Memslot? updated, MemslotOperation operation)
    {
        _vm.Memslots.BeginSwap();
        _vm.Memslots.Replace(old, updated);
        _vm.Memslots.EndSwap();
        var slot = (updated ?? old)!;
        using (_vm.Journal.Enter(KvmFunction.KvmArchCommitMemoryRegion))
            rmaps.RemoveWriteAccess(slot.Id);
        if (updated is not null && _lastBase.GetValueOrDefault(slot.Id) != slot.BaseGfn)
            FlushShadow();
        _lastBase[slot.Id] = slot.BaseGfn;
    }

    /// <remarks>KVM: kvm_arch_flush_shadow(), kvm_mmu_zap_all(), kvm_reload_remote_mmus().</remarks>
    private void FlushShadow()
    {
        using var scope = _vm.Journal.Enter(KvmFunction.KvmArchFlushShadow);
        _vm.Backends.ZapAll();
        _vm.MakeAllCpusRequest(VcpuRequests.MmuReload);
    }
}
