using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>The few ways in which the shadow MMU code stores entries. Every other class writes tables through these.</summary>
internal sealed class SpteStore(KvmVm vm)
{
    private readonly SpteFormat _format = vm.Format;

    /// <summary>From not present to a value.</summary>
    /// <remarks>KVM: mmu_spte_set().</remarks>
    public void Set(Sptep entry, Spte value, ulong gfn, Tracepoint tracepoint = Tracepoint.None)
    {
        Invariant.Holds(!entry.IsPresent, $"entry {entry} is present and was about to be set");
        vm.Writer.Write(entry.Page, entry.Index, value, gfn, tracepoint);
    }

    /// <summary>Changes the rights of a mapping, or makes one; never its frame.</summary>
    /// <returns>TLBs may still hold rights that the entry no longer gives.</returns>
    /// <remarks>KVM: mmu_spte_update().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Update(Sptep entry, Spte value, ulong gfn, Tracepoint tracepoint = Tracepoint.None)
    {
        var old = UpdateNoTrack(entry, value, gfn, tracepoint);
        return entry.Page.IsPresent(old)
            && ((_format.IsMmuWritable(old) && !value.IsWritable)
                || (_format.IsAccessed(old) && !_format.IsAccessed(value))
                || (_format.IsDirty(old) && !_format.IsDirty(value)));
    }

    /// <remarks>KVM: mmu_spte_update_no_track().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Spte UpdateNoTrack(Sptep entry, Spte value, ulong gfn, Tracepoint tracepoint = Tracepoint.None)
    {
        _format.CheckWritableInvariants(value);
        var old = entry.Value;
        vm.Writer.Write(entry.Page, entry.Index, value, gfn, tracepoint);
        return old;
    }

    /// <summary>Clears a leaf.</summary>
    /// <returns>What it held.</returns>
    /// <remarks>KVM: mmu_spte_clear_track_bits().</remarks>
    public Spte ClearTrackBits(Sptep entry)
    {
        using var scope = vm.Journal.Enter(KvmFunction.MmuSpteClearTrackBits);
        var old = vm.Writer.Write(entry.Page, entry.Index, entry.Page.Empty, entry.Gfn);
        if (entry.Page.IsPresent(old))
            vm.Stats.UpdatePages(entry.Level, -1);
        return old;
    }

    /// <summary>Clears an entry that maps no memory: a link, an MMIO entry.</summary>
    /// <remarks>KVM: mmu_spte_clear_no_track().</remarks>
    public void ClearNoTrack(Sptep entry, ulong gfn) => vm.Writer.Write(entry.Page, entry.Index, entry.Page.Empty, gfn);

    /// <summary>Takes the accessed state away.</summary>
    /// <returns>The page had been accessed.</returns>
    /// <remarks>KVM: mmu_spte_age().</remarks>
    public bool Age(Sptep entry)
    {
        var spte = entry.Value;
        if (!_format.IsAccessed(spte))
            return false;
        if (vm.Kernel.AgesRmapsInOneFunction)
        {
            Store(entry, spte);
            return true;
        }

        using var scope = vm.Journal.Enter(KvmFunction.MmuSpteAge);
        Store(entry, spte);
        return true;
    }

    private void Store(Sptep entry, Spte spte)
    {
        var aged = _format.MarkForAccessTrack(spte);
        if (SpteFormat.IsAdEnabled(spte))
            vm.Writer.Write(entry.Page, entry.Index, aged, entry.Gfn);
        else
            UpdateNoTrack(entry, aged, entry.Gfn);
    }
}
