using Replay.Replayer.History;
using Replay.Replayer.Kvm;
using Replay.Replayer.Kvm.Mmu;
using Replay.Replayer.Kvm.Mmu.Tdp;

namespace Replay.Replayer.Session;

/// <summary>
/// Goes through all tables, reverse maps and counters now and then: whenever the number of faults has doubled, and at the end. So the
/// sweeps of a run cost no more than a few times the last, however long it is.
/// </summary>
internal sealed class InvariantWatch(KvmVm vm, Journal journal, InvariantLevel level)
{
    private const long FirstSweepAfter = 64;

    private readonly MmuAudit _mmu = new(vm);
    private readonly TdpAudit _tdp = new(vm);
    private readonly long[] _leaves = new long[PgLevel.MaxHugePage];
    private long _next = FirstSweepAfter;
    private long _sweptAt = -1;

    /// <summary>Sweeps if it is time to.</summary>
    public void AfterChunk()
    {
        if (level != InvariantLevel.Thorough && journal.Faults < _next)
            return;
        Sweep();
        while (_next <= journal.Faults)
            _next *= 2;
    }

    /// <summary>Sweeps, and holds the counters that KVM keeps against the records of the history.</summary>
    public void AtEnd(RecordCounts counts)
    {
        Sweep();
        var zapped = counts.OfShadowPages(PageOperation.Zap);
        Invariant.Holds(vm.Stats.MmuShadowZapped == zapped, $"mmu_shadow_zapped counts {vm.Stats.MmuShadowZapped}, the history has {zapped} zaps");
        Invariant.Holds(vm.Stats.PfTaken <= journal.Faults, $"pf_taken counts {vm.Stats.PfTaken}, the history has {journal.Faults} faults");
        Invariant.Holds(vm.Stats.PfFixed == counts.Of(RetPf.Fixed), $"pf_fixed counts {vm.Stats.PfFixed}, the history has {counts.Of(RetPf.Fixed)}");
        Invariant.Holds(vm.Stats.PfSpurious == counts.Of(RetPf.Spurious), $"pf_spurious counts {vm.Stats.PfSpurious}, the history has {counts.Of(RetPf.Spurious)}");
    }

    /// <summary>Nothing to do where no record has been made since the last sweep: all is as it was then.</summary>
    private void Sweep()
    {
        if (_sweptAt == journal.Seq)
            return;
        _sweptAt = journal.Seq;
        Array.Clear(_leaves);
        _mmu.Check(_leaves);
        _tdp.Check(_leaves);
        for (var pages = PgLevel.Size4K; pages <= PgLevel.MaxHugePage; pages++)
        {
            var counted = vm.Stats.Pages(pages) + vm.Stats.PagesNotCounted[pages - 1];
            Invariant.Holds(counted == _leaves[pages - 1], $"{counted} pages of level {pages} are counted, the tables map {_leaves[pages - 1]}");
        }
    }
}
