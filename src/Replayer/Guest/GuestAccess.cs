using Replay.Trace;

namespace Replay.Replayer.Guest;

/// <summary>What is asked of the page tables: an address, what is done there, and with which privilege.</summary>
public readonly record struct GuestAccess(ulong Gva, AccessKind Kind, AccessFlags Flags)
{
    public bool IsWrite => Kind == AccessKind.Write;

    public bool IsFetch => Kind == AccessKind.Fetch;

    /// <summary>Made at CPL 3, and not by the CPU for itself.</summary>
    public bool IsUser => (Flags & (AccessFlags.User | AccessFlags.Implicit)) == AccessFlags.User;

    /// <summary>EFLAGS.AC lets it through SMAP: explicit supervisor accesses only.</summary>
    public bool OverridesSmap => (Flags & (AccessFlags.AlignmentCheck | AccessFlags.Implicit)) == AccessFlags.AlignmentCheck;

    /// <summary>The access that a #PF's error code tells of.</summary>
    public static GuestAccess FromFaultCode(ulong gva, PageFaultCode code, AccessFlags otherFlags)
    {
        var kind = (code & PageFaultCode.Fetch) != 0 ? AccessKind.Fetch
            : (code & PageFaultCode.Write) != 0 ? AccessKind.Write
            : AccessKind.Read;
        var user = (code & PageFaultCode.User) != 0 ? AccessFlags.User : AccessFlags.None;
        return new GuestAccess(gva, kind, user | (otherFlags & ~AccessFlags.User));
    }
}

/// <summary>
/// What all entries of a walk together allow: the logical AND of R/W and U/S, and of the inverse of NX.
/// </summary>
public readonly record struct PageRights(ulong Bits)
{
    private const ulong Mask = PteBits.Writable | PteBits.User | PteBits.NoExecute;

    /// <summary>Nothing is forbidden: before the first entry, and without paging.</summary>
    public static PageRights All { get; } = new(Mask);

    public bool Writable => (Bits & PteBits.Writable) != 0;

    /// <summary>A user-mode address.</summary>
    public bool User => (Bits & PteBits.User) != 0;

    public bool Executable => (Bits & PteBits.NoExecute) != 0;

    /// <summary>What is left after one more entry.</summary>
    public PageRights And(ulong entry) => new(Bits & (entry ^ PteBits.NoExecute));
}

/// <summary>The error code of a #PF.</summary>
/// <remarks>SDM: Page-Fault Exceptions.</remarks>
[Flags]
public enum PageFaultCode : uint
{
    /// <summary>No entry at some level: a read by the supervisor.</summary>
    None = 0,

    /// <summary>All entries were present: the rights forbid it, or a reserved bit is set.</summary>
    Present = 1,
    Write = 2,
    User = 4,
    Reserved = 8,

    /// <summary>An instruction fetch; told only where NX or SMEP is on.</summary>
    Fetch = 16,
    ProtectionKey = 32,
}
