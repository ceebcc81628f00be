using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>Gives back rights that KVM itself took away for dirty logging or access tracking, without the slow path.</summary>
internal sealed class FastFaults(KvmVm vm)
{
    private readonly SpteFormat _format = vm.Format;

    /// <returns>Fixed, Spurious, or Invalid: take the slow path.</returns>
    /// <remarks>KVM: fast_page_fault().</remarks>
    public RetPf Handle(KvmVcpu vcpu)
    {
        var fault = vcpu.Fault;
        if (!CanBeFast(fault))
            return RetPf.Invalid;
        using var scope = vm.Journal.Enter(KvmFunction.FastPageFault);
        if (!TryFindLast(vcpu, out var entry))
            return RetPf.Invalid;
        var spte = entry.Value;
        var outcome = RetPf.Invalid;
        if (spte.IsShadowPresent && spte.IsLast(entry.Level))
            outcome = IsAccessAllowed(fault, spte) ? RetPf.Spurious : Fix(fault, entry, spte);
        vm.Journal.FastFault(entry.Page, entry.Index, spte, outcome);
        if (outcome != RetPf.Invalid)
            vm.Stats.PfFast++;
        return outcome;
    }

    /// <remarks>KVM: page_fault_can_be_fast().</remarks>
    private bool CanBeFast(PageFault fault) =>
        !fault.Reserved && (fault.Present ? fault.Write : !_format.AdEnabled);

    /// <remarks>KVM: fast_pf_get_last_sptep(), kvm_tdp_mmu_fast_pf_get_last_sptep().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindLast(KvmVcpu vcpu, out Sptep entry)
    {
        entry = default;
        var root = vcpu.Mmu.Root.ShadowPage;
        if (root is { Role.Direct: true } && vm.WalkCache.TryFind(root, vcpu.Fault.Gfn, out var pageTable))
        {
            entry = new Sptep(pageTable, PageLevels.EntryIndex(vcpu.Fault.Gfn, PgLevel.Size4K));
            return true;
        }

        if (vcpu.Mmu.IsTdpMmu)
        {
            entry = vm.TdpMmu.GetLastSptep(root!, vcpu.Fault.Gfn);
            return entry.Page is not null;
        }

        for (var walk = ShadowWalk.From(vcpu, vcpu.Fault.Address); walk.IsOkay; walk.Next())
            entry = walk.Entry;
        return entry.Page is not null;
    }

    private RetPf Fix(PageFault fault, Sptep entry, Spte spte)
    {
        var restored = spte;
        if (!_format.AdEnabled && _format.IsAccessTrack(spte))
            restored = _format.RestoreAccessTrack(restored);
        if (fault.Write && _format.IsMmuWritable(spte))
        {
            restored = restored.With(Spte.WritableMask);
            // Only one small page is marked dirty: a huge page in a logged slot goes through the slow path, which splits it.
            if (entry.Level > PgLevel.Size4K && fault.Slot is { LogsDirty: true })
                return RetPf.Invalid;
        }

        if (restored == spte || !IsAccessAllowed(fault, restored))
            return RetPf.Invalid;
        using var scope = vm.Journal.Enter(KvmFunction.FastPfFixDirectSpte);
        vm.Writer.Write(entry.Page, entry.Index, restored, entry.Gfn, Tracepoint.FastPageFault);
        if (restored.IsWritable && !spte.IsWritable)
            fault.Slot?.MarkDirty(fault.Gfn);
        fault.MappedLevel = entry.Level;
        return RetPf.Fixed;
    }

    /// <remarks>KVM: is_access_allowed().</remarks>
    private bool IsAccessAllowed(PageFault fault, Spte spte)
    {
        if (fault.Exec)
            return _format.IsExecutable(spte);
        return fault.Write ? spte.IsWritable : (spte.Raw & 1) != 0;
    }
}
