using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Replay.Replayer.History;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Remembers to which page table KVM's walks from a direct root come, for stretches of 2 MiB, so that a fault need not go down to it again. While
/// no entry that was not zero is written, all above the page table is as it was; and a walk through what is there leaves no record. The
/// kernel has nothing like it: it walks.
/// </summary>
/// <remarks>
/// The one thing by which it could be seen is that chains are numbered in the order in which they come about: a function that every level of
/// the walk enters is entered once in its stead (<see cref="Begin"/>). Where a walk enters none, its caller may ask <see cref="TryFind"/>.
/// </remarks>
/// <param name="journal">Numbers the chains.</param>
/// <param name="writer">Counts the writes.</param>
/// <param name="pages">All table pages.</param>
/// <param name="isOn">Without, every walk starts at the root, and the history is the same.</param>
public sealed class KvmWalkCache(Journal journal, TableWriter writer, TablePages pages, bool isOn)
{
    private const int Slots = 64;
    private const int StretchShift = 9;

    private readonly Slot[] _slots = new Slot[Slots];

    /// <summary>Begins the walk of a fault: at the root; or, for a small page, where an earlier walk found its page table.</summary>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="fault">Its fault.</param>
    /// <param name="entered">What the walk enters at each level.</param>
    /// <param name="root">The root, if the page table that the walk comes to is worth <see cref="Fill">remembering</see>.</param>
    internal ShadowWalk Begin(KvmVcpu vcpu, PageFault fault, KvmFunction entered, out ShadowPage? root)
    {
        root = vcpu.Mmu.Root.ShadowPage;
        if (fault.GoalLevel != PgLevel.Size4K || root is null || !TryFind(root, fault.Gfn, out var pageTable))
            return ShadowWalk.From(vcpu, fault.Address);
        root = null;
        journal.Enter(entered).Dispose();
        return ShadowWalk.AtPageTable(vcpu, pageTable, fault.Address);
    }

    /// <summary>Finds the page table under a root that translates a gfn.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ShadowPage root, ulong gfn, [NotNullWhen(true)] out ShadowPage? pageTable)
    {
        ArgumentNullException.ThrowIfNull(root);
        ref readonly var slot = ref _slots[(int)(gfn >> StretchShift & (Slots - 1))];
        if (slot.RootId != root.Id || slot.Stretch != gfn >> StretchShift || slot.Epoch != writer.TranslationEpoch)
        {
            pageTable = null;
            return false;
        }

        pageTable = pages.ShadowPageAt(slot.Pfn);
        return pageTable is not null;
    }

    /// <summary>A walk from the root has come to the page table.</summary>
    public void Fill(ShadowPage root, ulong gfn, ShadowPage pageTable)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(pageTable);
        if (!isOn)
            return;
        _slots[(int)(gfn >> StretchShift & (Slots - 1))] = new Slot
        {
            RootId = root.Id,
            Stretch = gfn >> StretchShift,
            Epoch = writer.TranslationEpoch,
            Pfn = pageTable.Pfn,
        };
    }

    private struct Slot
    {
        /// <summary>0 where the slot is empty.</summary>
        public long RootId;
        public ulong Stretch;
        public long Epoch;
        public ulong Pfn;
    }
}
