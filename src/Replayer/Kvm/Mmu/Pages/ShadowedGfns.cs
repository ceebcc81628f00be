using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>What is entailed by a gfn being a guest table that is shadowed: it is write-protected, and no huge page spans it.</summary>
/// <remarks>KVM: account_shadowed(), unaccount_shadowed().</remarks>
internal sealed class ShadowedGfns(KvmVm vm, ShadowPageHash hash)
{
    /// <summary>The guest table must not change unseen: it is mapped read-only from now on.</summary>
    /// <remarks>KVM: account_shadowed(), kvm_slot_page_track_add_page().</remarks>
    public void Account(ShadowPage page)
    {
        using var scope = vm.Journal.Enter(KvmFunction.AccountShadowed);
        hash.IndirectCount++;
        var slot = SlotOf(page);
        var isUpperLevel = page.Role.Level > PgLevel.Size4K;
        if (isUpperLevel)
            slot.Rmaps.WriteTrackCount(page.Gfn)++;
        slot.LargePages.Disallow(page.Gfn);
        if (!vm.Backends.WriteProtectGfn(slot, page.Gfn, PgLevel.Size4K))
            return;
        if (isUpperLevel)
            vm.Tlb.FlushRemote();
        else
            vm.Tlb.FlushRemoteWithAddress(page.Gfn, 1);
    }

    /// <remarks>KVM: unaccount_shadowed().</remarks>
    public void Unaccount(ShadowPage page)
    {
        hash.IndirectCount--;
        var slot = SlotOf(page);
        if (page.Role.Level > PgLevel.Size4K)
            slot.Rmaps.WriteTrackCount(page.Gfn)--;
        slot.LargePages.Allow(page.Gfn);
    }

    private Memslot SlotOf(ShadowPage page)
    {
        var slot = vm.Memslots.Find(page.Gfn);
        if (slot is null)
            Invariant.Broken($"page {page.Id} shadows gfn {page.Gfn:x}, which no memslot holds");
        return slot;
    }
}
