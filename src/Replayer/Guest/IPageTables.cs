namespace Replay.Replayer.Guest;

/// <summary>Where a walk finds its tables: guest memory behind a second dimension, or KVM's own pages.</summary>
internal interface IPageTables
{
    /// <summary>Reads an entry; false where the walk cannot go on, for a reason that the tables keep.</summary>
    /// <param name="address">Address of the entry, in the address space of the tables.</param>
    /// <param name="size">4 or 8 bytes.</param>
    /// <param name="entry">Its content, zero-extended.</param>
    bool TryRead(ulong address, int size, out ulong entry);

    /// <summary>Sets accessed or dirty bits in the entry read last; false where that cannot be done.</summary>
    bool TrySetBits(uint bits);

    /// <summary>The walk has come to a page table: all entries above are present and have their accessed bits.</summary>
    void ArriveAtPageTable(in WalkPosition position);
}
