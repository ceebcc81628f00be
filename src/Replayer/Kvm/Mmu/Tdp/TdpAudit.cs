namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>Sweeps the pages of the TDP MMU: each but a root hangs from the one entry that it names.</summary>
public sealed class TdpAudit(KvmVm vm)
{
    /// <summary>Throws <see cref="InvariantViolation"/> at the first thing that is wrong.</summary>
    /// <param name="leaves">Counts present leaves, by level from 1.</param>
    public void Check(long[] leaves)
    {
        ArgumentNullException.ThrowIfNull(leaves);
        foreach (var page in vm.Pages.ShadowPages())
        {
            if (page.IsTdp)
                CheckEntries(page, leaves);
        }
    }

    private void CheckEntries(ShadowPage page, long[] leaves)
    {
        if (page.FilledCount == 0)
            return;
        for (var index = 0; index < TablePage.EntryCount; index++)
        {
            var spte = page[index];
            if (!spte.IsShadowPresent)
                continue;
            if (spte.IsLast(page.Role.Level))
            {
                leaves[page.Role.Level - 1]++;
                continue;
            }

            var child = vm.Pages.ChildOf(spte);
            Invariant.Holds(child.ParentEntry == new Sptep(page, index), $"page {child.Id} does not name its parent {page.Id}[{index}]");
        }
    }
}
