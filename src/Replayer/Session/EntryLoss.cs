namespace Replay.Replayer.Session;

/// <summary>What the CPU could do with a table entry and cannot do any more, or not without setting a bit again.</summary>
[Flags]
internal enum EntryLoss
{
    None = 0,

    /// <summary>Anything: it is gone, translates to something else, or lacks its accessed bit.</summary>
    Translation = 1,

    Write = 2,

    Execute = 4,

    User = 8,

    /// <summary>The entry came to be the user's, which SMEP and SMAP keep the supervisor out of.</summary>
    Supervisor = 16,
}
