using Replay.Trace;

namespace Replay.Replayer.Session;

/// <summary>An access of a filtered capture whose repetitions may have been dropped.</summary>
internal readonly record struct RecentAccess(long Ordinal, ulong Gva, AccessKind Kind, AccessFlags Flags, byte Vcpu)
{
    /// <summary>Whether a repetition would notice that an entry on its way has lost something.</summary>
    public bool Needs(EntryLoss lost)
    {
        var needed = EntryLoss.Translation
            | Kind switch { AccessKind.Write => EntryLoss.Write, AccessKind.Fetch => EntryLoss.Execute, _ => EntryLoss.None }
            | ((Flags & AccessFlags.User) != 0 ? EntryLoss.User : EntryLoss.Supervisor);
        return (lost & needed) != 0;
    }
}
