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
