using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Finds the shadow page for a gfn and a role, or makes one.</summary>
internal sealed class ShadowPages(KvmVm vm, ActivePages active, ShadowPageHash hash, ShadowedGfns shadowed, Zapper zapper, PageSync sync)
{
    /// <param name="vcpu">Whose guest tables an unsync page is synced from; may be null for a direct role.</param>
    /// <param name="gfn">See <see cref="ShadowPage.Gfn"/>.</param>
    /// <param name="role">The role.</param>
    /// <remarks>KVM: __kvm_mmu_get_shadow_page().</remarks>
    public ShadowPage Get(KvmVcpu? vcpu, ulong gfn, PageRole role)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuGetShadowPage);
        var page = Find(vcpu, gfn, role);
        var operation = PageOperation.Find;
        if (page is null)
        {
            page = Allocate(gfn, role);
            operation = PageOperation.Create;
        }

        vm.Journal.TablePage(page.Describe(operation));
        return page;
    }

    /// <summary>The page that belongs under an entry; null where it is there already.</summary>
    /// <remarks>KVM: kvm_mmu_get_child_sp(), which says -EEXIST.</remarks>
    public ShadowPage? GetChild(KvmVcpu vcpu, Sptep entry, ulong gfn, bool direct, PteAccess access)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmMmuGetChildSp);
        var role = ChildRole(entry, direct, access);
        var spte = entry.Value;
        if (spte.IsShadowPresent && !spte.IsLarge)
        {
            var child = vm.Pages.ChildOf(spte);
            if (child.Gfn == gfn && child.Role == role)
                return null;
        }

        return Get(vcpu, gfn, role);
    }

    /// <summary>The role of the page under an entry.</summary>
    /// <remarks>KVM: kvm_mmu_child_role().</remarks>
    public static PageRole ChildRole(Sptep entry, bool direct, PteAccess access)
    {
        var role = entry.Page.Role;
        Invariant.Holds(!role.Invalid, $"page {entry.Page.Id} is zapped and was about to get a child");
        role = role.WithLevel(role.Level - 1).WithAccess(access).WithDirect(direct).With(PageRole.PassthroughMask, false);

        // A 4-byte PDE covers 4 MiB, an 8-byte one 2 MiB: two shadow page tables to each guest page table.
        return role.Has4ByteGpte ? role.WithQuadrant(entry.Index & 1) : role;
    }

    /// <remarks>KVM: kvm_mmu_find_shadow_page().</remarks>
    private ShadowPage? Find(KvmVcpu? vcpu, ulong gfn, PageRole role)
    {
        var invalid = default(ZapList);
        var collisions = 0;
        ShadowPage? found = null;
        var missed = true;
        for (ShadowPage? page = hash.Bucket(gfn), next; page is not null; page = next)
        {
            next = page.HashNext;
            if (vm.IsObsolete(page))
                continue;
            if (page.Gfn != gfn)
            {
                collisions++;
                continue;
            }

            if (page.Role != role)
            {
                // An upper-level page is write-protected: an unsync page of the same gfn cannot stay beside it.
                if (role.Level > PgLevel.Size4K && page.Unsync)
                    zapper.PrepareZapPage(page, ref invalid);
                continue;
            }

            missed = !Revive(vcpu, page, ref invalid);
            found = missed ? null : page;
            break;
        }

        if (missed)
            vm.Stats.MmuCacheMiss++;
        zapper.CommitZapPage(ref invalid);
        vm.Stats.MaxMmuPageHashCollisions = Math.Max(vm.Stats.MaxMmuPageHashCollisions, collisions);
        return found;
    }

    /// <summary>The page is the one. If it is unsync, it is brought up to date, though not made sync.</summary>
    /// <returns>False: it could not be, and was zapped.</returns>
    private bool Revive(KvmVcpu? vcpu, ShadowPage page, ref ZapList invalid)
    {
        if (page.Role.Direct)
            return true;
        if (page.Unsync)
        {
            Invariant.Holds(vcpu is not null, $"page {page.Id} is unsync and there is no vCPU to sync it for");
            var synced = sync.SyncPage(vcpu, page, ref invalid);
            if (synced < 0)
                return false;
            if (synced > 0)
                vm.Tlb.FlushRemote();
        }

        page.WriteFloodingCount = 0;
        return true;
    }

    /// <remarks>KVM: kvm_mmu_alloc_shadow_page().</remarks>
    private ShadowPage Allocate(ulong gfn, PageRole role)
    {
        var page = vm.Pages.Allocate(gfn, role, vm.ValidGeneration, isTdp: false);
        active.Add(page);
        active.UsedCount++;
        hash.Add(page);
        if (page.HasGptes)
            shadowed.Account(page);
        return page;
    }
}
