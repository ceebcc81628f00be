namespace Replay.Replayer.Guest;

/// <summary>Where a walk stands before it reads an entry.</summary>
/// <param name="Table">Address of the table, in the address space of the tables.</param>
/// <param name="Level">Its level; 1 is a page table.</param>
/// <param name="Rights">Of the entries read so far.</param>
internal readonly record struct WalkPosition(ulong Table, int Level, PageRights Rights)
{
    /// <summary>Before the first entry.</summary>
    public static WalkPosition Start(ulong table, int level) => new(table, level, PageRights.All);
}
