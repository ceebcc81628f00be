using System.Runtime.CompilerServices;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Chooses how large a page a fault is answered with.</summary>
public sealed class HugePages(KvmVm vm)
{
    private readonly int _maxHugePageLevel = vm.Profile.GigabytePages ? PgLevel.Size1G : PgLevel.Size2M;

    /// <summary>The largest page that memslot and host allow over the gfn.</summary>
    /// <param name="slot">The gfn's slot.</param>
    /// <param name="gfn">The gfn.</param>
    /// <param name="maxLevel">No level above it is wanted.</param>
    /// <remarks>KVM: kvm_mmu_max_mapping_level().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int MaxMappingLevel(Memslot slot, ulong gfn, int maxLevel)
    {
        ArgumentNullException.ThrowIfNull(slot);
        var level = Math.Min(maxLevel, _maxHugePageLevel);
        while (level > PgLevel.Size4K && slot.LargePages.DisallowCount(gfn, level) != 0)
            level--;
        return level <= PgLevel.Size4K ? PgLevel.Size4K : Math.Min(level, vm.HostMemory.MappingLevel(slot, gfn));
    }

    /// <summary>Sets the level that the fault asks for and the one it will get.</summary>
    /// <remarks>KVM: kvm_mmu_hugepage_adjust().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Adjust(PageFault fault)
    {
        ArgumentNullException.ThrowIfNull(fault);
        fault.HugePageDisallowed = fault.Exec && fault.NxHugePageWorkaround;
        if (fault.MaxLevel == PgLevel.Size4K || fault.PfnKind != Host.HostPfnKind.Valid || fault.Slot!.LogsDirty)
            return;
        fault.ReqLevel = MaxMappingLevel(fault.Slot, fault.Gfn, fault.MaxLevel);
        if (fault.ReqLevel == PgLevel.Size4K || fault.HugePageDisallowed)
            return;
        fault.GoalLevel = fault.ReqLevel;
        var mask = PageLevels.PagesPerHugePage(fault.GoalLevel) - 1;
        Invariant.Holds((fault.Gfn & mask) == (fault.Pfn & mask), $"gfn {fault.Gfn:x} and pfn {fault.Pfn:x} cannot share a huge page");
        fault.Pfn &= ~mask;
    }

    /// <summary>A table is in place where a huge page was wanted: it stays, and the page is made one level further down.</summary>
    /// <remarks>KVM: disallowed_hugepage_adjust().</remarks>
    public void DisallowedAdjust(PageFault fault, Spte spte, int level)
    {
        ArgumentNullException.ThrowIfNull(fault);
        if (level == PgLevel.Size4K || level != fault.GoalLevel || !spte.IsShadowPresent || spte.IsLarge)
            return;
        if (vm.Kernel.TagsNxSplits && !vm.Pages.ChildOf(spte).NxHugePageDisallowed)
            return;
        fault.Pfn |= fault.Gfn & (PageLevels.PagesPerHugePage(level) - PageLevels.PagesPerHugePage(level - 1));
        fault.GoalLevel--;
    }
}
