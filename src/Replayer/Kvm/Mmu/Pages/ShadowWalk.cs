namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Goes down the tables along one address.</summary>
/// <remarks>KVM: struct kvm_shadow_walk_iterator, shadow_walk_init(), shadow_walk_okay(), shadow_walk_next().</remarks>
internal struct ShadowWalk
{
    private readonly TablePages _pages;
    private readonly ulong _address;
    private ShadowPage? _page;

    private ShadowWalk(TablePages pages, ulong address)
    {
        _pages = pages;
        _address = address;
    }

    /// <summary>Level of the entry reached; below 1 at the end.</summary>
    public int Level { get; private set; }

    public int Index { get; private set; }

    public readonly ShadowPage Page => _page!;

    public readonly Sptep Entry => new(_page!, Index);

    public readonly Spte Value => _page![Index];

    /// <summary>Starts at the vCPU's root.</summary>
    public static ShadowWalk From(KvmVcpu vcpu, ulong address) => From(vcpu, vcpu.Mmu.Root.Table, address);

    /// <summary>Starts at one of the vCPU's roots.</summary>
    /// <remarks>KVM: shadow_walk_init_using_root().</remarks>
    public static ShadowWalk From(KvmVcpu vcpu, TablePage? root, ulong address)
    {
        var mmu = vcpu.Mmu;
        var walk = new ShadowWalk(vcpu.Vm.Pages, address);
        var level = mmu.RootRole.Level;
        if (level >= PgLevel.Root4 && mmu.CpuRole.Base.Level < PgLevel.Root4 && !mmu.RootRole.Direct)
            level = PgLevel.RootPae;
        if (level == PgLevel.RootPae)
        {
            var pdpte = mmu.PaeRoot![(int)(address >> 30 & 3)];
            walk._page = pdpte.Raw == 0 ? null : walk._pages.ShadowPageAt(pdpte.Pfn);
            level--;
        }
        else
        {
            walk._page = root as ShadowPage;
        }

        walk.Arrive(walk._page is null ? 0 : level);
        return walk;
    }

    /// <summary>Starts at a page table that an earlier walk from a direct root came to.</summary>
    public static ShadowWalk AtPageTable(KvmVcpu vcpu, ShadowPage pageTable, ulong address)
    {
        var walk = new ShadowWalk(vcpu.Vm.Pages, address) { _page = pageTable };
        walk.Arrive(PgLevel.Size4K);
        return walk;
    }

    /// <summary>There is an entry here.</summary>
    public readonly bool IsOkay => Level >= PgLevel.Size4K;

    /// <summary>Follows the entry as it is now.</summary>
    public void Next() => Next(Value);

    /// <summary>Follows the entry as it was read before.</summary>
    public void Next(Spte spte)
    {
        if (!_page!.IsPresent(spte) || spte.IsLast(Level))
        {
            Level = 0;
            return;
        }

        _page = _pages.ChildOf(spte);
        Arrive(Level - 1);
    }

    private void Arrive(int level)
    {
        Level = level;
        if (level >= PgLevel.Size4K)
            Index = PageLevels.EntryIndex(_address >> 12, level);
    }
}
