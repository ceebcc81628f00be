using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Replay.Replayer.Guest;

namespace Replay.Replayer.Hardware;

/// <summary>
/// Remembers, for stretches of 2 MiB, which page table a walk came to: while nothing changes, another walk would read the same entries on
/// the way there and set no bit. Direct-mapped. It holds what a CPU's caches of that name hold, but nothing of it can be seen.
/// </summary>
/// <remarks>
/// An entry is good at the one epoch at which it was made. Who walks makes an epoch out of counts that only grow, one for everything that a
/// walk down to a page table depends on, by adding them up: the sum stands still only while all of them do.
/// </remarks>
internal sealed class PagingStructureCache
{
    private const int Slots = 64;
    private const int StretchShift = 21;

    private readonly Slot[] _slots = new Slot[Slots];

    public PagingStructureCache() => Array.Fill(_slots, new Slot { Epoch = -1 });

    /// <summary>Finds the page table of an address.</summary>
    /// <param name="address">The address that is walked for.</param>
    /// <param name="epoch">Now.</param>
    /// <param name="pageTable">Where the walk goes on.</param>
    /// <param name="references">Entries that were read on the way: of the tables walked, and of KVM's behind the guest's.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFind(ulong address, long epoch, out WalkPosition pageTable, out (int Own, int Kvm) references)
    {
        ref var slot = ref At(address);
        pageTable = new WalkPosition(slot.Table, 1, new PageRights(slot.Rights));
        references = (slot.OwnReferences, slot.KvmReferences);
        return slot.Epoch == epoch && slot.Stretch == address >> StretchShift;
    }

    public void Fill(ulong address, long epoch, in WalkPosition pageTable, (int Own, int Kvm) references) => At(address) = new Slot
    {
        Stretch = address >> StretchShift,
        Epoch = epoch,
        Table = pageTable.Table,
        Rights = pageTable.Rights.Bits,
        OwnReferences = references.Own,
        KvmReferences = references.Kvm,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Slot At(ulong address) =>
        ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_slots), (uint)(address >> StretchShift) & (Slots - 1));

    private struct Slot
    {
        public ulong Stretch;
        public long Epoch;
        public ulong Table;
        public ulong Rights;
        public int OwnReferences;
        public int KvmReferences;
    }
}
