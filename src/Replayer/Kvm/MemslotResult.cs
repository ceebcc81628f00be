namespace Replay.Replayer.Kvm;

/// <summary>How a memslot change ended.</summary>
public enum MemslotResult : byte
{
    Done = 0,

    /// <summary>EINVAL: not page aligned, wraps around, beyond what the tables can translate, or no such slot to delete.</summary>
    Invalid = 1,

    /// <summary>EEXIST: overlaps another slot.</summary>
    Overlaps = 2,

    /// <summary>The model's host has no room for so much memory (28 GiB in all).</summary>
    NoHostMemory = 3,
}
