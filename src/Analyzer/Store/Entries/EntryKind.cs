namespace Replay.Analyzer.Store;

/// <summary>What the value of a table entry is. The numbers are stored.</summary>
public enum EntryKind : byte
{
    /// <summary>0: nothing.</summary>
    None = 0,

    /// <summary>REMOVED_SPTE of the TDP MMU.</summary>
    Removed = 1,

    /// <summary>An MMIO entry.</summary>
    Mmio = 2,

    /// <summary>Points at a table.</summary>
    Table = 3,

    /// <summary>Maps a 4 KiB page.</summary>
    Page = 4,

    /// <summary>Maps a 2 MiB or 1 GiB page.</summary>
    Huge = 5,

    /// <summary>An entry of a special root (pae_root, pml4_root, pml5_root), which KVM does not mark as its own.</summary>
    Root = 6,

    /// <summary>Anything else.</summary>
    Other = 7,

    /// <summary>The source of an observed run does not show the value.</summary>
    Unknown = 8,
}
