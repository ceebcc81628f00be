namespace Replay.Trace;

/// <summary>Properties of one access. The values are part of capture format v1.</summary>
[Flags]
public enum AccessFlags : byte
{
    None = 0,

    /// <summary>Made at CPL 3.</summary>
    User = 1,

    /// <summary>Supervisor access with EFLAGS.AC set, which SMAP lets through.</summary>
    AlignmentCheck = 2,

    /// <summary>Made by the CPU itself at supervisor privilege: descriptor tables, TSS, exception frames.</summary>
    Implicit = 4,

    /// <summary>The source saw the access reach a device, not memory.</summary>
    Mmio = 8,
}
