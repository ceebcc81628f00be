using System.Runtime.CompilerServices;

namespace Replay.Replayer.Kvm;

/// <summary>The memslots of one address space, in order of gfn, with KVM's generation number.</summary>
/// <remarks>
/// KVM keeps two sets and swaps them, kvm_swap_active_memslots(); here one set is changed between <see cref="BeginSwap"/> and
/// <see cref="EndSwap"/>, which give the same generations.
/// </remarks>
public sealed class Memslots
{
    /// <summary>Set in the generation while the slots are being swapped.</summary>
    /// <remarks>KVM: KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS.</remarks>
    public const ulong UpdateInProgress = 1UL << 63;

    /// <summary>KVM_ADDRESS_SPACE_NUM: normal memory and SMM. Generations of address space 0 are even.</summary>
    public const int AddressSpaces = 2;

    private Memslot[] _slots = [];
    private Memslot[] _byHva = [];
    private Memslot? _lastUsed;

    /// <summary>Counts changes in steps of <see cref="AddressSpaces"/>; MMIO entries remember it.</summary>
    public ulong Generation { get; private set; }

    /// <summary>Pages in all slots.</summary>
    /// <remarks>KVM: nr_memslot_pages.</remarks>
    public ulong PageCount { get; private set; }

    /// <summary>In ascending order of gfn.</summary>
    public ReadOnlySpan<Memslot> All => _slots;

    /// <summary>In ascending order of host-virtual address: the order in which the MMU notifier meets them.</summary>
    /// <remarks>KVM: kvm_for_each_memslot_in_hva_range().</remarks>
    public ReadOnlySpan<Memslot> ByHva => _byHva;

    /// <summary>The slot that holds the gfn, also one that is marked invalid; null where there is no memory.</summary>
    /// <remarks>KVM: gfn_to_memslot().</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Memslot? Find(ulong gfn)
    {
        if (_lastUsed is { } last && last.Contains(gfn))
            return last;
        var low = 0;
        var high = _slots.Length;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_slots[middle].EndGfn <= gfn)
                low = middle + 1;
            else
                high = middle;
        }

        if (low == _slots.Length || !_slots[low].Contains(gfn))
            return null;
        return _lastUsed = _slots[low];
    }

    /// <remarks>KVM: id_to_memslot().</remarks>
    public Memslot? FindById(int id)
    {
        foreach (var slot in _slots)
        {
            if (slot.Id == id)
                return slot;
        }

        return null;
    }

    /// <summary>A slot that shares a gfn with the range, other than the one numbered <paramref name="exceptId"/>.</summary>
    /// <remarks>KVM: kvm_check_memslot_overlap().</remarks>
    public Memslot? FindOverlap(ulong startGfn, ulong endGfn, int exceptId)
    {
        foreach (var slot in _slots)
        {
            if (slot.Id != exceptId && slot.BaseGfn < endGfn && startGfn < slot.EndGfn)
                return slot;
        }

        return null;
    }

    /// <summary>A slot's host memory meets the range of host-virtual addresses.</summary>
    internal bool HostRangeIsUsed(ulong hva, ulong pageCount)
    {
        foreach (var slot in _slots)
        {
            if (slot.Hva < hva + (pageCount << 12) && hva < slot.Hva + (slot.PageCount << 12))
                return true;
        }

        return false;
    }

    /// <summary>From here to <see cref="EndSwap"/> the generation says that an update is in progress.</summary>
    internal void BeginSwap()
    {
        Invariant.Holds((Generation & UpdateInProgress) == 0, "memslots are swapped while they are being swapped");
        Generation |= UpdateInProgress;
    }

    /// <summary>The generation that <see cref="EndSwap"/> will set.</summary>
    internal ulong NextGeneration => (Generation & ~UpdateInProgress) + AddressSpaces;

    internal void EndSwap() => Generation = NextGeneration;

    /// <summary>Takes <paramref name="old"/> out, puts <paramref name="updated"/> in; either may be null.</summary>
    /// <remarks>KVM: kvm_replace_memslot().</remarks>
    internal void Replace(Memslot? old, Memslot? updated)
    {
        var slots = new List<Memslot>(_slots);
        if (old is not null)
        {
            Invariant.Holds(slots.Remove(old), $"{old} is not in the set");
            PageCount -= old.PageCount;
        }

        if (updated is not null)
        {
            var at = slots.FindIndex(slot => slot.BaseGfn > updated.BaseGfn);
            slots.Insert(at < 0 ? slots.Count : at, updated);
            PageCount += updated.PageCount;
        }

        _slots = [.. slots];
        _byHva = [.. slots.OrderBy(slot => slot.Hva)];
        _lastUsed = null;
    }
}
