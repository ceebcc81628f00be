using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu.Tdp;

/// <summary>The TDP MMU's part in what the host does to guest memory.</summary>
internal sealed class TdpNotifier(KvmVm vm, TdpRoots roots, TdpEntries entries)
{
    /// <summary>Zaps the leaves that map a gfn of [start, end), in every tree.</summary>
    /// <param name="start">First gfn.</param>
    /// <param name="end">First gfn behind.</param>
    /// <param name="flush">A flush is owed already.</param>
    /// <returns>A flush is owed.</returns>
    /// <remarks>KVM: kvm_tdp_mmu_unmap_gfn_range(), kvm_tdp_mmu_zap_leafs(), tdp_mmu_zap_leafs().</remarks>
    public bool ZapLeafs(ulong start, ulong end, bool flush)
    {
        using var scope = vm.Journal.Enter(KvmFunction.TdpMmuZapLeafs);
        end = Math.Min(end, vm.MaxGfn + 1);
        foreach (var root in roots.All())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, start); at.IsBefore(end); at.Next())
            {
                if (!at.IsAtLeaf)
                    continue;
                entries.Set(at.Entry, at.Page.Empty, at.Gfn);
                flush |= !root.Role.Invalid || vm.Kernel.InvalidRootsOweFlush;
            }
        }

        return flush;
    }

    /// <summary>Takes the accessed state from the leaves of a range.</summary>
    /// <returns>One of them had been accessed.</returns>
    /// <remarks>KVM: kvm_tdp_mmu_age_gfn_range(), age_gfn_range().</remarks>
    public bool Age(ulong start, ulong end)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuHandleGfn);
        using var handler = vm.Journal.Enter(KvmFunction.AgeGfnRange);
        var young = false;
        foreach (var root in roots.All())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, start); at.IsBefore(end); at.Next())
            {
                if (!at.IsAtLeaf || !vm.Format.IsAccessed(at.Old))
                    continue;
                entries.ClearBits(at.Entry, vm.Format.MarkForAccessTrack(at.Old), at.Gfn);
                young = true;
            }
        }

        return young;
    }

    /// <summary>A leaf of the range has been accessed.</summary>
    /// <remarks>KVM: kvm_tdp_mmu_test_age_gfn(), test_age_gfn().</remarks>
    public bool TestAge(ulong start, ulong end)
    {
        foreach (var root in roots.All())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, start); at.IsBefore(end); at.Next())
            {
                if (at.IsAtLeaf && vm.Format.IsAccessed(at.Old))
                    return true;
            }
        }

        return false;
    }

    /// <summary>Another host frame takes the place behind a gfn. A leaf never changes its frame: it is zeroed in between.</summary>
    /// <param name="gfn">The page.</param>
    /// <param name="pfn">Its new frame.</param>
    /// <param name="writable">The host may write it: then the next fault maps it.</param>
    /// <returns>A flush is owed.</returns>
    /// <remarks>KVM: kvm_tdp_mmu_set_spte_gfn(), set_spte_gfn().</remarks>
    public bool SetSpteGfn(ulong gfn, ulong pfn, bool writable)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmTdpMmuHandleGfn);
        using var handler = vm.Journal.Enter(KvmFunction.SetSpteGfn);
        var flush = false;
        foreach (var root in roots.All())
        {
            for (var at = new TdpIterator(vm.Pages, root, PgLevel.Size4K, gfn); at.IsBefore(gfn + 1); at.Next())
            {
                if (!at.IsAtLeaf || at.Level != PgLevel.Size4K)
                    continue;
                entries.Set(at.Entry, at.Page.Empty, at.Gfn);
                if (!writable)
                    entries.Set(at.Entry, vm.Format.MakeForChangedPfn(at.Old, pfn), at.Gfn);
                flush = true;
            }
        }

        return flush;
    }
}
