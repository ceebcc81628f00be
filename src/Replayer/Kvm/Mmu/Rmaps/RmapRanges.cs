namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Acts on the mappings of a range of gfns of one memslot through the reverse maps: small pages first, then 2 MiB, then 1 GiB. What
/// the host and userspace ask for arrives here.
/// </summary>
/// <remarks>KVM: kvm_handle_gfn_range(), slot_handle_level_range(), for_each_slot_rmap_range(). Ends are exclusive here.</remarks>
internal sealed class RmapRanges(KvmVm vm, Rmap rmap, RmapOperations operations)
{
    /// <remarks>KVM: kvm_unmap_gfn_range(); kvm_rmap_zap_gfn_range().</remarks>
    public bool Zap(Memslot slot, ulong startGfn, ulong endGfn)
    {
        var flush = false;
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.MaxHugePage, startGfn, endGfn); walk.MoveNext();)
            flush |= rmap.ZapAll(ref walk.Head);
        return flush;
    }

    /// <remarks>KVM: kvm_set_spte_gfn().</remarks>
    public bool SetPte(Memslot slot, ulong gfn, ulong newPfn, bool writable)
    {
        var flush = false;
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.MaxHugePage, gfn, gfn + 1); walk.MoveNext();)
            flush |= operations.SetPte(ref walk.Head, newPfn, writable);
        return flush;
    }

    /// <remarks>KVM: kvm_age_gfn().</remarks>
    public bool Age(Memslot slot, ulong startGfn, ulong endGfn)
    {
        var young = false;
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.MaxHugePage, startGfn, endGfn); walk.MoveNext();)
            young |= operations.Age(walk.Head);
        return young;
    }

    /// <remarks>KVM: kvm_test_age_gfn().</remarks>
    public bool TestAge(Memslot slot, ulong startGfn, ulong endGfn)
    {
        var young = false;
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.MaxHugePage, startGfn, endGfn); walk.MoveNext();)
            young |= operations.TestAge(walk.Head);
        return young;
    }

    /// <summary>Write-protects one gfn at all page sizes from <paramref name="minLevel"/> up.</summary>
    /// <remarks>KVM: kvm_mmu_slot_gfn_write_protect(), the reverse maps' part of it.</remarks>
    public bool WriteProtectGfn(Memslot slot, ulong gfn, int minLevel)
    {
        var writeProtected = false;
        for (var level = minLevel; level <= PgLevel.MaxHugePage; level++)
            writeProtected |= operations.WriteProtect(slot.Rmaps.Head(gfn, level), forShadowing: true);
        return writeProtected;
    }

    /// <summary>Write-protects a whole slot from <paramref name="startLevel"/> up, for dirty logging.</summary>
    /// <remarks>KVM: kvm_mmu_slot_remove_write_access(), the reverse maps' part of it.</remarks>
    public void SlotRemoveWriteAccess(Memslot slot, int startLevel)
    {
        for (var walk = new SlotRmapWalk(slot, startLevel, PgLevel.MaxHugePage, slot.BaseGfn, slot.EndGfn); walk.MoveNext();)
            operations.WriteProtect(walk.Head, forShadowing: false);
    }

    /// <summary>Clears the D bits (or W bits) of a slot's small pages.</summary>
    /// <remarks>KVM: kvm_mmu_slot_leaf_clear_dirty(), the reverse maps' part of it.</remarks>
    public void SlotLeafClearDirty(Memslot slot)
    {
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.Size4K, slot.BaseGfn, slot.EndGfn); walk.MoveNext();)
            operations.ClearDirty(walk.Head);
    }

    /// <summary>Write-protects the small pages named by a mask of 64.</summary>
    /// <remarks>KVM: kvm_mmu_write_protect_pt_masked(), the reverse maps' part of it.</remarks>
    public void WriteProtectMasked(Memslot slot, ulong gfnOffset, ulong mask)
    {
        for (; mask != 0; mask &= mask - 1)
            operations.WriteProtect(slot.Rmaps.Head(MaskedGfn(slot, gfnOffset, mask), PgLevel.Size4K), forShadowing: false);
    }

    /// <summary>Clears the D bits (or W bits) of the small pages named by a mask of 64.</summary>
    /// <remarks>KVM: kvm_mmu_clear_dirty_pt_masked(), the reverse maps' part of it.</remarks>
    public void ClearDirtyMasked(Memslot slot, ulong gfnOffset, ulong mask)
    {
        for (; mask != 0; mask &= mask - 1)
            operations.ClearDirty(slot.Rmaps.Head(MaskedGfn(slot, gfnOffset, mask), PgLevel.Size4K));
    }

    /// <summary>Clears small mappings where huge ones could be; flushes if there were any.</summary>
    /// <remarks>KVM: kvm_rmap_zap_collapsible_sptes().</remarks>
    public void ZapCollapsible(Memslot slot)
    {
        var flush = false;
        for (var walk = new SlotRmapWalk(slot, PgLevel.Size4K, PgLevel.MaxHugePage - 1, slot.BaseGfn, slot.EndGfn); walk.MoveNext();)
            flush |= operations.ZapCollapsible(ref walk.Head, slot);
        if (!flush)
            return;
        if (vm.Kernel.RangeFlushIsACall)
            vm.Tlb.FlushRemoteMemslot(slot);
        else
            vm.Tlb.FlushRemoteWithAddress(slot.BaseGfn, slot.PageCount);
    }

    private static ulong MaskedGfn(Memslot slot, ulong gfnOffset, ulong mask) =>
        slot.BaseGfn + gfnOffset + (ulong)System.Numerics.BitOperations.TrailingZeroCount(mask);
}
