using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Replay.Replayer.Kvm.Mmu;

/// <summary>
/// Remembers to which page table KVM's walks from a direct root come, for stretches of 2 MiB, so that a fault need not go down to it again. While
/// no entry that was not zero is written, all above the page table is as it was; and a walk through what is there leaves no record. The
/// kernel has nothing like it: it walks.
/// </summary>
/// <param name="writer">Counts the writes.</param>
/// <param name="pages">All table pages.</param>
/// <param name="isOn">Without, every walk starts at the root, and the history is the same.</param>
public sealed class KvmWalkCache(TableWriter writer, TablePages pages, bool isOn)
{
    private const int Slots = 64;
    private const int StretchShift = 9;

    private readonly Slot[] _slots = new Slot[Slots];

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
