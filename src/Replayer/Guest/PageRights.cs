namespace Replay.Replayer.Guest;

/// <summary>
/// What all entries of a walk together allow: the logical AND of R/W and U/S, and of the inverse of NX.
/// </summary>
public readonly record struct PageRights(ulong Bits)
{
    private const ulong Mask = EntryBits.Writable | EntryBits.User | EntryBits.NoExecute;

    /// <summary>Nothing is forbidden: before the first entry, and without paging.</summary>
    public static PageRights All { get; } = new(Mask);

    public bool Writable => (Bits & EntryBits.Writable) != 0;

    /// <summary>A user-mode address.</summary>
    public bool User => (Bits & EntryBits.User) != 0;

    public bool Executable => (Bits & EntryBits.NoExecute) != 0;

    /// <summary>What is left after one more entry.</summary>
    public PageRights And(ulong entry) => new(Bits & (entry ^ EntryBits.NoExecute));
}
