using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// The builders of tables that a VM has. Both are asked wherever KVM acts on a gfn: with the TDP MMU a nested guest still runs on shadow
/// pages, whose reverse maps come into being with the first shadow root.
/// </summary>
internal sealed class MmuBackends
{
    private readonly Journal _journal;
    private readonly IMmuBackend[] _all;

    public MmuBackends(KvmVm vm)
    {
        _journal = vm.Journal;
        _all = vm.TdpMmuEnabled ? [vm.ShadowMmu, vm.TdpMmu] : [vm.ShadowMmu];
    }

    /// <remarks>KVM: kvm_unmap_gfn_range().</remarks>
    public bool UnmapRange(Memslot slot, ulong startGfn, ulong endGfn, bool flush)
    {
        foreach (var backend in _all)
        {
            if (backend.IsInUse)
                flush = backend.UnmapRange(slot, startGfn, endGfn, flush);
        }

        return flush;
    }

    /// <remarks>KVM: kvm_set_spte_gfn().</remarks>
    public bool SetSpteGfn(Memslot slot, ulong gfn, ulong pfn, bool writable)
    {
        var flush = false;
        foreach (var backend in _all)
            flush |= backend.IsInUse && backend.SetSpteGfn(slot, gfn, pfn, writable);
        return flush;
    }

    /// <remarks>KVM: kvm_age_gfn().</remarks>
    public bool Age(Memslot slot, ulong startGfn, ulong endGfn)
    {
        var young = false;
        foreach (var backend in _all)
            young |= backend.IsInUse && backend.Age(slot, startGfn, endGfn);
        return young;
    }

    /// <remarks>KVM: kvm_test_age_gfn().</remarks>
    public bool TestAge(Memslot slot, ulong startGfn, ulong endGfn)
    {
        var young = false;
        foreach (var backend in _all)
            young |= backend.IsInUse && backend.TestAge(slot, startGfn, endGfn);
        return young;
    }

    /// <remarks>KVM: kvm_mmu_slot_gfn_write_protect().</remarks>
    public bool WriteProtectGfn(Memslot slot, ulong gfn, int minLevel)
    {
        using var scope = _journal.Enter(KvmFunction.KvmMmuSlotGfnWriteProtect);
        var flush = false;
        foreach (var backend in _all)
            flush |= backend.IsInUse && backend.WriteProtectGfn(slot, gfn, minLevel);
        return flush;
    }

    /// <remarks>KVM: kvm_mmu_slot_remove_write_access().</remarks>
    public void WriteProtectSlot(Memslot slot, int startLevel)
    {
        foreach (var backend in _all)
        {
            if (backend.IsInUse)
                backend.WriteProtectSlot(slot, startLevel);
        }
    }

    /// <remarks>KVM: kvm_mmu_slot_leaf_clear_dirty().</remarks>
    public void ClearDirtySlot(Memslot slot)
    {
        foreach (var backend in _all)
        {
            if (backend.IsInUse)
                backend.ClearDirtySlot(slot);
        }
    }

    /// <summary>The one question that the TDP MMU is asked first.</summary>
    /// <remarks>KVM: kvm_mmu_write_protect_pt_masked(), kvm_mmu_clear_dirty_pt_masked().</remarks>
    public void ClearDirtyMasked(Memslot slot, ulong gfnOffset, ulong mask, bool writeProtect)
    {
        for (var i = _all.Length - 1; i >= 0; i--)
        {
            if (_all[i].IsInUse)
                _all[i].ClearDirtyMasked(slot, gfnOffset, mask, writeProtect);
        }
    }

    /// <summary>Nested guests' pages first, then the TDP MMU's.</summary>
    /// <remarks>KVM: kvm_mmu_try_split_huge_pages().</remarks>
    public void TrySplitHugePages(Memslot slot, ulong startGfn, ulong endGfn, bool shared)
    {
        foreach (var backend in _all)
        {
            if (backend.IsInUse)
                backend.TrySplitHugePages(slot, startGfn, endGfn, shared);
        }
    }

    /// <remarks>KVM: kvm_mmu_zap_collapsible_sptes().</remarks>
    public void ZapCollapsible(Memslot slot)
    {
        foreach (var backend in _all)
        {
            if (backend.IsInUse)
                backend.ZapCollapsible(slot);
        }
    }

    /// <inheritdoc cref="IMmuBackend.Invalidate"/>
    public void Invalidate()
    {
        foreach (var backend in _all)
            backend.Invalidate();
    }

    /// <inheritdoc cref="IMmuBackend.ZapInvalidated"/>
    public void ZapInvalidated()
    {
        foreach (var backend in _all)
            backend.ZapInvalidated();
    }

    /// <remarks>KVM: kvm_mmu_zap_all().</remarks>
    public void ZapAll()
    {
        foreach (var backend in _all)
            backend.ZapAll();
    }
}
