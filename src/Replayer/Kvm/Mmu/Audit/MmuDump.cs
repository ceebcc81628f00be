namespace Replay.Replayer.Kvm.Mmu;

/// <summary>All table pages of a VM, in the order in which a walk through KVM's own lists meets them.</summary>
public static class MmuDump
{
    /// <summary>The lists tdp_mmu_roots, tdp_mmu_pages and active_mmu_pages, each from its head: the newest page first.</summary>
    public static IReadOnlyList<DumpedPage> Pages(KvmVm vm)
    {
        ArgumentNullException.ThrowIfNull(vm);
        var pages = new List<DumpedPage>();
        AddTdp(vm, pages);
        for (var page = vm.ShadowMmu.ActivePages.Newest; page is not null; page = page.LinkNext)
            pages.Add(new DumpedPage(page, "active", Parents(vm, page)));
        return pages;
    }

    private static void AddTdp(KvmVm vm, List<DumpedPage> pages)
    {
        var roots = vm.TdpMmu.Roots;
        foreach (var root in roots)
            pages.Add(new DumpedPage(root, "tdp_roots", []));
        foreach (var page in vm.Pages.ShadowPages().Where(page => page.IsTdp && !roots.Contains(page)).OrderByDescending(page => page.Id))
            pages.Add(new DumpedPage(page, "tdp_pages", page.ParentEntry is { } parent ? [(parent.Page, parent.Index)] : []));
    }

    private static List<(TablePage, int)> Parents(KvmVm vm, ShadowPage page)
    {
        var parents = new List<(TablePage, int)>();
        var lists = vm.ShadowMmu.PteLists;
        for (var packed = lists.First(page.ParentPtes, out var cursor); packed != 0; packed = lists.Next(ref cursor))
        {
            var entry = vm.Pages.Unpack(packed);
            parents.Add((entry.Page, entry.Index));
        }

        return parents;
    }
}

/// <summary>A table page as KVM's lists hold it.</summary>
/// <param name="Page">The page.</param>
/// <param name="List"><c>active</c>, <c>tdp_roots</c> or <c>tdp_pages</c>.</param>
/// <param name="Parents">The entries that point at it.</param>
public sealed record DumpedPage(ShadowPage Page, string List, IReadOnlyList<(TablePage Table, int Index)> Parents);
