namespace Replay.Trace.Touches;

/// <summary>What is sought in a capture, as far as it decides which of its row groups need be read: everything else of the answer is up to the caller.</summary>
/// <param name="GpaPages">Guest-physical pages, the last one included; null for all.</param>
/// <param name="GvaPages">Guest-virtual pages, the last one included; null for all.</param>
/// <param name="WritesOnly">Stores alone.</param>
public sealed record AccessSearch((ulong First, ulong Last)? GpaPages, (ulong First, ulong Last)? GvaPages, bool WritesOnly)
{
    /// <summary>Whether an access is of these pages and of this kind.</summary>
    internal bool Takes(TraceChunk chunk, int i) =>
        (!WritesOnly || chunk.Kinds[i] == (byte)AccessKind.Write) && IsIn(GpaPages, chunk.Gpas[i] >> 12) && IsIn(GvaPages, chunk.Gvas[i] >> 12);

    /// <summary>Whether rows with these pages among them can have such an access.</summary>
    internal bool MayBeIn(IEnumerable<ulong> gvaPages, IEnumerable<ulong> gpaPages) =>
        (GpaPages is null || gpaPages.Any(page => IsIn(GpaPages, page))) && (GvaPages is null || gvaPages.Any(page => IsIn(GvaPages, page)));

    private static bool IsIn((ulong First, ulong Last)? pages, ulong page) => pages is not { } range || (page >= range.First && page <= range.Last);
}
