using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Gives executable huge pages another chance: zaps a sixtieth of the tables that stand in place of one, the oldest first.</summary>
internal static class NxHugePageRecovery
{
    /// <summary>nx_huge_pages_recovery_ratio.</summary>
    private const long Ratio = 60;

    /// <summary>KVM's thread runs once.</summary>
    /// <remarks>KVM: kvm_recover_nx_lpages(), later kvm_recover_nx_huge_pages().</remarks>
    public static void Run(KvmVm vm, Zapper zapper)
    {
        using var scope = vm.Journal.Enter(KvmFunction.KvmRecoverNxLpages);
        var invalid = default(ZapList);
        var flush = false;
        for (var left = (vm.Stats.NxLpageSplits + Ratio - 1) / Ratio; left > 0; left--)
        {
            if (vm.NxHugePages.Oldest is not { } page)
                break;
            if (vm.Kernel.KeepsLoggedNxSplits && vm.LogsDirty && vm.Memslots.Find(page.Gfn) is { LogsDirty: true })
            {
                vm.NxHugePages.Unaccount(page);
            }
            else if (page.IsTdp)
            {
                vm.TdpMmu.ZapPage(page);
                flush = true;
            }
            else
                zapper.PrepareZapPage(page, ref invalid);
        }

        zapper.RemoteFlushOrZap(ref invalid, flush);
    }
}
