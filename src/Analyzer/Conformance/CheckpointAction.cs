namespace Replay.Analyzer.Conformance;

/// <summary>What the VMM of a case does at each checkpoint, after it read the dirty log.</summary>
[Flags]
public enum CheckpointAction
{
    None = 0,

    /// <summary>Deletes the memslot and adds it again.</summary>
    ReplaceMemslot = 1,

    /// <summary>mprotect(PROT_READ) of guest memory, then mprotect(PROT_READ | PROT_WRITE).</summary>
    Protect = 2,

    /// <summary>Switches dirty logging on at the first checkpoint, and reads the log at it and each later one.</summary>
    LogDirtyFromFirst = 4,
}
