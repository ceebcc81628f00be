namespace Replay.Replayer;

/// <summary>Page walks alike in a stretch of the trace.</summary>
/// <param name="FirstOrdinal">Where the stretch begins; it ends where the next begins.</param>
/// <param name="GuestReferences">Entries of the guest's tables that each walk read: the guest's depth, 0 in shadow paging.</param>
/// <param name="KvmReferences">Entries of KVM's tables that each walk read, for the guest's entries and for the page itself.</param>
/// <param name="Walks">How many.</param>
public readonly record struct WalkCount(long FirstOrdinal, int GuestReferences, int KvmReferences, long Walks);
