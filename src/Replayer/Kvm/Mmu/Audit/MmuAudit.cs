namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Sweeps everything that the shadow MMU code keeps and checks that it agrees with itself. Slow: for tests, and now and then during a
/// replay.
/// </summary>
public sealed class MmuAudit(KvmVm vm)
{
    private readonly ShadowMmu _mmu = vm.ShadowMmu;
    private bool _shadowsTables;

    /// <summary>Throws <see cref="InvariantViolation"/> at the first thing that is wrong.</summary>
    public void Check() => Check(new long[PgLevel.MaxHugePage]);

    /// <summary>Throws <see cref="InvariantViolation"/> at the first thing that is wrong.</summary>
    /// <param name="leaves">Receives the number of present leaves, by level from 1.</param>
    public void Check(long[] leaves)
    {
        ArgumentNullException.ThrowIfNull(leaves);
        _shadowsTables = ShadowsTables();
        var active = 0L;
        for (var page = _mmu.ActivePages.Newest; page is not null; page = page.LinkNext)
        {
            active++;
            CheckPage(page);
            CheckEntries(page, leaves);
        }

        var rootsOnly = vm.Kernel.ZappedRootsStayActive ? 0 : CountInvalidRoots();
        Invariant.Holds(active + rootsOnly == _mmu.UsedMmuPages, $"{active} pages are active and {rootsOnly} only roots, but {_mmu.UsedMmuPages} count as used");
        Invariant.Holds(active <= _mmu.Recycler.MaxPages, $"{active} pages are active, {_mmu.Recycler.MaxPages} are allowed");
        CheckReverseMaps(leaves);
    }

    /// <summary>Guest tables are shadowed, or counted as shadowed, so that mappings have to be held against them.</summary>
    private bool ShadowsTables()
    {
        for (var page = _mmu.ActivePages.Newest; page is not null; page = page.LinkNext)
        {
            if (page.HasGptes)
                return true;
        }

        return _mmu.IndirectShadowPages != 0;
    }

    /// <summary>The page is found under its gfn, alone with its role, and knows who points at it.</summary>
    private void CheckPage(ShadowPage page)
    {
        Invariant.Holds(!page.Role.Invalid || (vm.Kernel.ZappedRootsStayActive && page.RootCount > 0), $"page {page.Id} is zapped and still active");
        var same = 0;
        for (var other = _mmu.PageHash.Bucket(page.Gfn); other is not null; other = other.HashNext)
        {
            if (other.Gfn == page.Gfn && other.Role == page.Role && !vm.IsObsolete(other))
                same++;
        }

        Invariant.Holds(vm.IsObsolete(page) || same == 1, $"gfn {page.Gfn:x} with role {page.Role} is found {same} times");
        for (var packed = _mmu.PteLists.First(page.ParentPtes, out var cursor); packed != 0; packed = _mmu.PteLists.Next(ref cursor))
        {
            var entry = vm.Pages.Unpack(packed);
            Invariant.Holds(entry.IsPresent && entry.Value.Pfn == page.Pfn, $"entry {entry} is a parent of page {page.Id} but holds {entry.Value}");
        }

        Invariant.Holds(page.UnsyncChildren == BitsIn(page.UnsyncChildBitmap), $"page {page.Id} counts {page.UnsyncChildren} unsync children");
        Invariant.Holds(!page.Unsync || page is { Role.Level: PgLevel.Size4K, HasGptes: true }, $"page {page.Id} of level {page.Role.Level} is unsync");
    }

    private void CheckEntries(ShadowPage page, long[] leaves)
    {
        if (page.FilledCount == 0)
            return;
        var level = page.Role.Level;
        for (var index = 0; index < TablePage.EntryCount; index++)
        {
            var spte = page[index];
            if (!page.IsPresent(spte))
                continue;
            if (spte.IsLast(level))
            {
                leaves[level - 1]++;
                CheckLeaf(new Sptep(page, index), spte, level);
            }
            else
            {
                var child = vm.Pages.ChildOf(spte);
                Invariant.Holds(ListHolds(child.ParentPtes, new Sptep(page, index)), $"page {child.Id} does not know its parent {page.Id}[{index}]");
            }
        }
    }

    /// <summary>The leaf is in its gfn's reverse map; nothing that is shadowed can be written unseen.</summary>
    private void CheckLeaf(Sptep entry, Spte spte, int level)
    {
        var gfn = entry.Gfn;
        var slot = vm.Memslots.Find(gfn);
        if (slot is null)
            Invariant.Broken($"entry {entry} maps gfn {gfn:x}, which no memslot holds");
        Invariant.Holds(ListHolds(slot.Rmaps.Head(gfn, level), entry), $"entry {entry} is not in the reverse map of gfn {gfn:x}");
        vm.Format.CheckWritableInvariants(spte);
        if (!spte.IsWritable)
            return;
        for (var written = gfn; written < gfn + PageLevels.PagesPerHugePage(level); written++)
            CheckWritable(entry, slot, written);
    }

    private void CheckWritable(Sptep entry, Memslot slot, ulong gfn)
    {
        Invariant.Holds(!slot.Contains(gfn) || !slot.Rmaps.IsWriteTracked(gfn), $"entry {entry} lets gfn {gfn:x} be written, which is tracked");
        if (!_shadowsTables)
            return;
        for (var page = _mmu.PageHash.Bucket(gfn); page is not null; page = page.HashNext)
        {
            if (page.Gfn == gfn && page is { HasGptes: true, Unsync: false } && !vm.IsObsolete(page))
                Invariant.Broken($"entry {entry} lets gfn {gfn:x} be written, which page {page.Id} shadows in sync");
        }
    }

    /// <summary>Each level has as many reverse-map entries as leaves.</summary>
    private void CheckReverseMaps(long[] leaves)
    {
        for (var level = PgLevel.Size4K; level <= PgLevel.MaxHugePage; level++)
        {
            var mapped = 0L;
            foreach (var slot in vm.Memslots.All)
            {
                foreach (var head in slot.Rmaps.Heads(slot.BaseGfn, slot.EndGfn, level))
                    mapped += _mmu.PteLists.Count(head);
            }

            Invariant.Holds(mapped == leaves[level - 1], $"level {level} has {leaves[level - 1]} leaves and {mapped} entries in reverse maps");
        }
    }

    /// <summary>Roots that were zapped while in use: no longer active, not yet freed.</summary>
    private long CountInvalidRoots()
    {
        var roots = new List<ShadowPage>();
        foreach (var vcpu in vm.Vcpus)
        {
            AddInvalid(roots, vcpu.RootMmu);
            AddInvalid(roots, vcpu.GuestMmu);
        }

        return roots.Count;
    }

    private void AddInvalid(List<ShadowPage> roots, KvmMmu mmu)
    {
        AddInvalid(roots, mmu.Root.Table);
        foreach (var previous in mmu.PreviousRoots)
            AddInvalid(roots, previous.Table);
    }

    private void AddInvalid(List<ShadowPage> roots, TablePage? table)
    {
        if (table is ShadowPage { Role.Invalid: true, IsTdp: false } page && !roots.Contains(page))
            roots.Add(page);
        for (var i = 0; table is not null and not ShadowPage && i < 4; i++)
        {
            if (table[i].Raw != 0)
                AddInvalid(roots, vm.Pages.At(table[i].Pfn));
        }
    }

    private bool ListHolds(int head, Sptep entry)
    {
        if (head == entry.Packed)
            return true;
        for (var packed = _mmu.PteLists.First(head, out var cursor); packed != 0; packed = _mmu.PteLists.Next(ref cursor))
        {
            if (packed == entry.Packed)
                return true;
        }

        return false;
    }

    private static int BitsIn(ulong[]? bitmap)
    {
        var bits = 0;
        foreach (var word in bitmap ?? [])
            bits += System.Numerics.BitOperations.PopCount(word);
        return bits;
    }
}
