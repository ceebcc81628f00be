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

    /// <summary>
    /// Only of a <see cref="TraceEventKind.PageTableStore"/> and no property of the access: it did not empty the page filter, as none of what
    /// the filter stood for was translated through that table.
    /// </summary>
    KeptFilter = 16,

    /// <summary>Made by the CPU's walk of the guest's page tables; only of a <see cref="TraceEventKind.GuestPhysicalAccess"/>.</summary>
    TableWalk = 32,
}
